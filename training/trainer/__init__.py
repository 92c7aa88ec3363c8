"""The training loop and all around it: settings, state and resume, memory plan, logs, samples, validation, alarms.

`run` puts a run together and `loop` goes through its steps; `settings` is what can be chosen.
"""

"""The inference libraries behind one interface; none is imported before a session opens."""

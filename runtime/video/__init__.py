"""Reading and writing video with PyAV: files, pipes, cameras and streams in; files and pipes out.

Start with `reader.VideoReader` and `writer.VideoWriter`. `convert` moves pixels between video frames and RGB arrays,
`live` keeps only the newest frame for sources that do not wait.
"""

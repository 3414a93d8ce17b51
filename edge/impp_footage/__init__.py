"""What cameras write, read without any configuration: names and folders, containers, capture times, sidecars.

Pure: the standard library only, no network, no environment. The edge box and the Lambdas both import it, so that a file
is the same to both of them. Files are read through :class:`impp_footage.reader.RangeReader`.
"""

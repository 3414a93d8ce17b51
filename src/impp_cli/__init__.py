"""The command `impp`: what a person does with IMPP from a shell, on AWS and on the local cloud.

Installed with `pipx install .` from a checkout; the sources need neither the local cloud nor the build.
"""

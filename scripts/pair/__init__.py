"""What the Python programs share. Each module answers to the file of the same name in src/: channel
is what another program uses, cli is what the programs in scripts/ have in common. kernel is what C
has in its system's headers.
"""

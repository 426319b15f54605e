"""The commands of ``relearn``, one file each."""

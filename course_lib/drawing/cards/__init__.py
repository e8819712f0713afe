"""Cards of weights entries as pictures."""

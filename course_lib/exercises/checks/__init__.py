"""Checks that several exercises share, and arguments drawn at random for their hidden cases."""

"""What runs while submissions are graded."""

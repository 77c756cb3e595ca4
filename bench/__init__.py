"""What a user would pick instead, and ours: side by side on equal libraries."""

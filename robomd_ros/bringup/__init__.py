"""What a diagnosis consists of: its arguments, its checks and its processes."""

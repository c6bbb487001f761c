"""What is told of a daemon: status, why, the share's file, the socket."""

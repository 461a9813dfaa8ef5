"""The only package that knows vendors, files and sockets."""

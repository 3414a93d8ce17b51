"""What a file is: camera, group, time, whether it is whole; and what S3 is told of it."""

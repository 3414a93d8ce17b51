"""What only imitates AWS on this machine: ffmpeg, in the place of MediaConvert's encoder."""

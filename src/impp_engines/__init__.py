"""The models and tools that do on this machine what Rekognition, Transcribe and MediaConvert do on AWS.

Each module loads what it needs at its first use and keeps it; importing one costs nothing. They know nothing of AWS:
the services translate.
"""

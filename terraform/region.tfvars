# The one AWS region of the state, the bootstrap and every environment. Both roots take it as a variable file and the backend
# as a configuration file; the workflows read it from here. Prices are those of us-east-1, and CloudFront delivers its logs
# from there only. Choose it before `make bootstrap`: a bucket cannot move.
region = "us-east-1"

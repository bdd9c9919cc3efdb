"""The parts of `make bench`: a made-up fleet, the servers, what is run on them, and what came out."""

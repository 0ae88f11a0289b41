"""Stand-ins for local medical-insurance systems, written from the protocol text alone.

A stand-in speaks one legacy protocol on a socket, keeps real books of what it
posted, and misbehaves on request, so that a gateway can be tried against the
troubles it will meet in service.
"""

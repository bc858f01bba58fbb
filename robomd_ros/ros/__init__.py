"""What every node shares: parameters, QoS, conversions, starting and ending."""

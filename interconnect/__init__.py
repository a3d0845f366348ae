"""The product: network groups, east-west gateways and the interconnect of Istio meshes."""

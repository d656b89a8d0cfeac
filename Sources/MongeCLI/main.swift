print("monge")

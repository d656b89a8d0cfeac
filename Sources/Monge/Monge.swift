// Monge

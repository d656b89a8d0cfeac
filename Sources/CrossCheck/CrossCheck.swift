// CrossCheck

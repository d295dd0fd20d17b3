"""The optimiser: what a network can carry, near enough to the best to prove it, in the time of a control loop.

    problem     arrays in, what is wrong with them as findings, demands put together by source
    total       the most that can be carried; by classes, one after the other
    shared      the largest equal share of every demand, and with it the least maximum utilisation
    few         the same on at most k paths a demand
    certificate what any answer is held against: feasible to the last digit, and a bound that its prices prove

All stand on `graph._kernels.Flows`: flows by source on exponential link prices (Bar-Gera 2002; Dial 2006; Garg and
Könemann 2007), moved towards the cheapest ways while the slope of the prices rises.
"""

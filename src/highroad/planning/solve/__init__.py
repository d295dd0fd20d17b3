"""The optimiser: what a network can carry, near enough to the best to prove it, in the time of a control loop.

    problem     arrays in, what is wrong with them as findings, demands put together by source
    answer      what a solver says, when it stops, and what it tells on its way
    slope       how steep prices are from sweep to sweep
    total       the most that can be carried, also after a cut
    shared      the largest equal share of every demand, and with it the least maximum utilisation
    classes     the most of the first class, of what that leaves of the second, and so on
    maxmin      nobody more where somebody with less could have it
    few, few_shared   the most, and the least utilisation, on at most k paths a demand or on given ones
    again       a plan of before as a beginning, for other links or demands
    certificate what an answer is held against: it fits, flows are conserved, its prices prove the bound

All stand on `graph._kernels`: flows by source on exponential link prices (Bar-Gera 2002; Dial 2006; Garg and
Könemann 2007), moved towards the cheapest ways while the slope of the prices rises.
"""

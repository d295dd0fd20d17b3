"""Linear programs of flows, by arc and by source, or by path: solved by HiGHS, and by PDLP of OR-tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import highspy
import numpy as np
from ortools.linear_solver import pywraplp

from tests.support.certificate_check import PathPlan, Plan

Terms = Sequence[tuple[int, float]]


@dataclass(slots=True)
class Program:
    """Columns from 0 up to a bound, rows of a lower and an upper one; the sum of costs is to be the least."""

    cost: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    rows: list[tuple[float, float, Terms]] = field(default_factory=list)

    def column(self, cost: float = 0.0, upper: float = np.inf) -> int:
        """One more; its number."""
        self.cost.append(cost)
        self.upper.append(upper)
        return len(self.cost) - 1

    def row(self, lower: float, upper: float, terms: Terms) -> None:
        """One more."""
        self.rows.append((lower, upper, terms))

    def by_highs(self) -> float:
        """The least cost."""
        return _solved(self._loaded()) if self.cost else 0.0

    def most_of_each(self, columns: Sequence[int]) -> list[float]:
        """The most that each of these columns can be by itself, whatever the costs: each is looked for from where the
        one before it ended.
        """
        solver = self._loaded()
        for column in range(len(self.cost)):
            solver.changeColCost(column, 0.0)
        found = []
        for column in columns:
            solver.changeColCost(column, -1.0)
            found.append(-_solved(solver))
            solver.changeColCost(column, 0.0)
        return found

    def _loaded(self) -> highspy.Highs:
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.setOptionValue("primal_feasibility_tolerance", 1e-9)
        solver.setOptionValue("dual_feasibility_tolerance", 1e-9)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.cost), len(self.rows)
        lp.col_cost_ = np.array(self.cost)
        lp.col_lower_ = np.zeros(len(self.cost))
        lp.col_upper_ = np.array(self.upper)
        lp.row_lower_ = np.array([lower for lower, _, _ in self.rows])
        lp.row_upper_ = np.array([upper for _, upper, _ in self.rows])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *(len(terms) for _, _, terms in self.rows)], dtype=np.int32)
        lp.a_matrix_.index_ = np.array([column for _, _, terms in self.rows for column, _ in terms], np.int32)
        lp.a_matrix_.value_ = np.array([by for _, _, terms in self.rows for _, by in terms], np.float64)
        solver.passModel(lp)
        return solver

    def by_pdlp(self, relative: float = 1e-7) -> float:
        """The least cost, to about that share."""
        solver = pywraplp.Solver.CreateSolver("PDLP")
        assert solver is not None
        solver.SetSolverSpecificParametersAsString(
            "termination_criteria { simple_optimality_criteria { "
            f"eps_optimal_absolute: {relative} eps_optimal_relative: {relative} }} }}"
        )
        columns = [solver.NumVar(0.0, upper, "") for upper in self.upper]
        for lower, upper, terms in self.rows:
            row = solver.Constraint(lower, upper)
            for column, by in terms:
                row.SetCoefficient(columns[column], row.GetCoefficient(columns[column]) + by)
        objective = solver.Objective()
        for column, cost in zip(columns, self.cost, strict=True):
            objective.SetCoefficient(column, cost)
        assert solver.Solve() == pywraplp.Solver.OPTIMAL
        return float(objective.Value())


def _solved(solver: highspy.Highs) -> float:
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
    return float(solver.getInfo().objective_function_value)


def program(plan: Plan) -> Program:
    """The least utilisation, or minus the most that is carried: the question to which a plan is the answer."""
    made = Program()
    spread = plan.objective == "utilisation"
    used = made.column(1.0) if spread else -1
    load: list[list[tuple[int, float]]] = [[] for _ in plan.capacity]
    for source, fence in sorted(set(zip(plan.source.tolist(), plan.fence.tolist(), strict=True))):
        balance: list[list[tuple[int, float]]] = [[] for _ in range(plan.nodes)]
        for link, (tail, head) in enumerate(zip(plan.tail.tolist(), plan.head.tolist(), strict=True)):
            if fence >= 0 and not plan.fences[fence][link]:
                continue
            column = made.column()
            balance[tail].append((column, -1.0))
            balance[head].append((column, 1.0))
            load[link].append((column, 1.0))
        needed = np.zeros(plan.nodes)
        for demand in np.flatnonzero((plan.source == source) & (plan.fence == fence)).tolist():
            if spread:
                needed[plan.target[demand]] += plan.amount[demand]
            else:
                column = made.column(-1.0, float(plan.amount[demand]))
                balance[int(plan.target[demand])].append((column, -1.0))
        for node in range(plan.nodes):
            if node != source:
                made.row(float(needed[node]), float(needed[node]), balance[node])
    for link, terms in enumerate(load):
        capacity = float(plan.capacity[link])
        if spread:
            made.row(-np.inf, 0.0, [*terms, (used, -capacity)])
        else:
            made.row(-np.inf, capacity, terms)
    return made


def program_on_paths(plan: PathPlan) -> Program:
    """Minus the most that is carried on the paths of a plan."""
    made = Program()
    load: list[list[tuple[int, float]]] = [[] for _ in plan.capacity]
    for demand, amount in enumerate(plan.amount.tolist()):
        columns = []
        for path in range(int(plan.first[demand]), int(plan.first[demand + 1])):
            columns.append(made.column(-1.0))
            for link in plan.link[int(plan.start[path]) : int(plan.start[path + 1])].tolist():
                load[link].append((columns[-1], 1.0))
        made.row(-np.inf, amount, [(column, 1.0) for column in columns])
    for link, terms in enumerate(load):
        made.row(-np.inf, float(plan.capacity[link]), terms)
    return made

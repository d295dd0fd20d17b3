"""Decisions about capacity: the calendar of what is promised, and who may have what of the rest.

Pure: the network, the calendar and the time come in, a decision comes out. Read `calendar` (it stands on `line`,
`steps` and `standby`) and `ground`; then

- a request: `order` and `when` (`amend` for a change in place), `placement`, `spread` and `protection` by way of
  `find`, `admission`;
- a no: `binding`, `offers` (`giving`, `shift`, `look`, `distance`);
- what only looks: `free`, `held`;
- many at once: `sequence` (`untangle`, `knots`, `moves`) puts a change in order, `fair` shares what is left.
"""

"""The statements of inventory_import.py, in the order of its steps. `brought` is what the pod sent;
`id` there is the row of the inventory that it is, once that is known."""

from __future__ import annotations

BROUGHT = """
CREATE TEMPORARY TABLE brought (
    is_group boolean, name text, vars text, description text, enabled boolean, instance_id text,
    others text[], id bigint
) ON COMMIT DROP
"""
COPY = """
COPY brought (is_group, name, vars, description, enabled, instance_id, others) FROM STDIN
"""
# A host is known by its instance, then by its name; each row of the inventory is taken once.
BY_INSTANCE = """
UPDATE brought SET id = m.id FROM (
    SELECT DISTINCT ON (b.instance_id) b.name, h.id FROM brought b
      JOIN resources_host h ON h.inventory_id = %(inventory)s AND h.instance_id = b.instance_id
     WHERE NOT b.is_group AND b.instance_id <> ''
     ORDER BY b.instance_id, (h.name = b.name) DESC, h.id
) m WHERE NOT brought.is_group AND brought.name = m.name
"""
BY_NAME = """
UPDATE brought b SET id = h.id FROM resources_host h
 WHERE NOT b.is_group AND b.id IS NULL AND h.inventory_id = %(inventory)s AND h.name = b.name
   AND NOT EXISTS (SELECT 1 FROM brought t WHERE NOT t.is_group AND t.id = h.id)
"""
GROUPS_BY_NAME = """
UPDATE brought b SET id = g.id FROM resources_group g
 WHERE b.is_group AND b.id IS NULL AND g.inventory_id = %(inventory)s AND g.name = b.name
"""
HOSTS_GONE = """
SELECT host_id FROM resources_inventorysource_hosts
 WHERE inventorysource_id = %(source)s
   AND host_id NOT IN (SELECT id FROM brought WHERE NOT is_group AND id IS NOT NULL)
"""
GROUPS_GONE = """
SELECT group_id FROM resources_inventorysource_groups
 WHERE inventorysource_id = %(source)s
   AND group_id NOT IN (SELECT id FROM brought WHERE is_group AND id IS NOT NULL)
"""
# Of what this source brought before, ties that it does not bring again.
UNTIE_GROUPS = """
DELETE FROM resources_group_children e
 USING brought p, brought c, resources_inventorysource_groups s
 WHERE e.from_group_id = p.id AND p.is_group AND e.to_group_id = c.id AND c.is_group
   AND s.inventorysource_id = %(source)s AND s.group_id = p.id
   AND NOT c.name = ANY(p.others)
"""
UNTIE_HOSTS = """
DELETE FROM resources_group_hosts m
 USING resources_inventorysource_groups sg, resources_inventorysource_hosts sh,
       resources_group g, brought b
 WHERE sg.inventorysource_id = %(source)s AND sg.group_id = m.group_id
   AND sh.inventorysource_id = %(source)s AND sh.host_id = m.host_id
   AND g.id = m.group_id AND NOT b.is_group AND b.id = m.host_id AND NOT g.name = ANY(b.others)
"""
TIE_GROUPS = """
INSERT INTO resources_group_children (from_group_id, to_group_id)
SELECT p.id, c.id FROM brought p CROSS JOIN unnest(p.others) o
  JOIN brought c ON c.is_group AND c.name = o
 WHERE p.is_group
ON CONFLICT DO NOTHING
"""
TIE_HOSTS = """
INSERT INTO resources_group_hosts (group_id, host_id)
SELECT g.id, b.id FROM brought b CROSS JOIN unnest(b.others) o
  JOIN brought g ON g.is_group AND g.name = o
 WHERE NOT b.is_group
ON CONFLICT DO NOTHING
"""
OWN = """
INSERT INTO resources_inventorysource_{kind}s (inventorysource_id, {kind}_id)
SELECT %(source)s, id FROM brought WHERE is_group = %(is_group)s ON CONFLICT DO NOTHING
"""
# Hosts that are renamed give up their old names first: two may change places.
STEP_ASIDE = """
UPDATE resources_host h SET name = 'renamed ' || h.id FROM brought b
 WHERE NOT b.is_group AND b.id = h.id AND h.name <> b.name
"""
CHANGE_HOSTS = """
UPDATE resources_host h
   SET name = c.name, variables = c.vars, enabled = c.enabled, instance_id = c.instance_id,
       modified = now()
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::boolean[], %s::text[])
       AS c(id, name, vars, enabled, instance_id)
 WHERE h.id = c.id
"""
CHANGE_GROUPS = """
UPDATE resources_group g SET variables = c.vars, modified = now()
  FROM unnest(%s::bigint[], %s::text[]) AS c(id, vars) WHERE g.id = c.id
"""

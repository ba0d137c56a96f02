-- name: tables
-- The tables of a schema without their partitions, and by what they are partitioned. $1 is the schema.
select c.relname::text as name, pg_get_partkeydef(c.oid) as partition_key
from pg_class c
where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and not c.relispartition
order by 1;

-- name: partitions
-- The partitions in a schema, what of, and for what. $1 is the schema.
select c.relname::text as name, parent.relname::text as parent, pg_get_expr(c.relpartbound, c.oid) as bound
from pg_class c
join pg_inherits i on i.inhrelid = c.oid
join pg_class parent on parent.oid = i.inhparent
where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and c.relispartition
order by 1;

-- name: parts
-- What the tables of a schema are made of, each part with the words that make it. Names are written as seen from the search
-- path, which has to be the schema, so that the same words fit another one. $1 is the schema.
with owned as (
    select c.oid, c.relname::text as name, c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.relispartition
    from pg_class c
    where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p')
)
select o.name as of, 'column' as kind, a.attname::text as name,
       concat_ws(' ',
           row_number() over (partition by o.oid order by a.attnum), format_type(a.atttypid, a.atttypmod), a.attstorage,
           a.attcompression, a.attgenerated, a.attidentity, case when a.attnotnull then 'not null' end,
           pg_get_expr(d.adbin, d.adrelid)
       ) as words
from owned o
join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = o.oid and d.adnum = a.attnum
where not o.relispartition
union all
select o.name, 'constraint', n.conname::text,
       format('alter table %I add constraint %I %s', o.name, n.conname, pg_get_constraintdef(n.oid, true))
from owned o
join pg_constraint n on n.conrelid = o.oid and n.contype in ('p', 'u', 'x')
where not o.relispartition
union all
select o.name, 'index', i.relname::text, replace(pg_get_indexdef(x.indexrelid, 0, true), ' ON ONLY ', ' ON ')
from owned o
join pg_index x on x.indrelid = o.oid
join pg_class i on i.oid = x.indexrelid
where not o.relispartition and not exists (select from pg_constraint n where n.conindid = x.indexrelid)
union all
select o.name, 'option', option, format('alter table %I set (%s)', o.name, option)
from owned o, unnest(o.reloptions) option
union all
select o.name, 'security', 'enabled', format('alter table %I enable row level security', o.name)
from owned o where o.relrowsecurity
union all
select o.name, 'security', 'forced', format('alter table %I force row level security', o.name)
from owned o where o.relforcerowsecurity
union all
select o.name, 'policy', p.polname::text,
       concat_ws(' ',
           format('create policy %I on %I as %s for %s to %s', p.polname, o.name,
               case when p.polpermissive then 'permissive' else 'restrictive' end,
               case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
                   else 'all' end,
               (select string_agg(case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', '
                                  order by pg_get_userbyid(role))
                from unnest(p.polroles) role)),
           'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
           'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
from owned o
join pg_policy p on p.polrelid = o.oid
union all
select o.name, 'grant', concat_ws(' ', pg_get_userbyid(g.grantee), lower(g.privilege_type)),
       format('grant %s on %I to %s', g.privilege_type, o.name,
           case when g.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end)
from owned o, aclexplode(o.relacl) g
union all
select o.name, 'trigger', t.tgname::text, pg_get_triggerdef(t.oid, true)
from owned o
join pg_trigger t on t.tgrelid = o.oid and not t.tgisinternal
where not o.relispartition
order by 1, 2, 3;

-- name: tied
-- Views, functions and foreign keys that are tied to a table itself, not to its name, and so would stay with it when it
-- moves. $1 is the schema.
select distinct d.classid::regclass::text || ' ' || coalesce(r.ev_class::regclass::text, f.proname::text, k.conname::text)
    || ' on ' || c.relname as what
from pg_depend d
join pg_class c on c.oid = d.refobjid and c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p')
left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
left join pg_proc f on d.classid = 'pg_proc'::regclass and f.oid = d.objid
left join pg_constraint k on d.classid = 'pg_constraint'::regclass and k.oid = d.objid and k.contype = 'f'
where d.refclassid = 'pg_class'::regclass and coalesce(r.oid, f.oid, k.oid) is not null
order by 1;

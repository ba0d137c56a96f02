-- Empties the tables of :'schema', and prints what the database is apart from its rows: the same text means that nothing
-- else was changed, by hand, by a migration or by autovacuum.
select from (select pg_terminate_backend(pid, 10000) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()) as ended;

set search_path = :"schema";

do $$
declare
    name regclass;
    held boolean;
    full_ones text[] := '{}';
begin
    for name in
        select oid from pg_class
        where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname <> 'schema_version'
    loop
        execute format('select exists (select from %s)', name) into held;
        if held then
            full_ones := full_ones || name::text;
        end if;
    end loop;
    if full_ones <> '{}' then
        execute format('truncate %s cascade', array_to_string(full_ones, ', '));
    end if;
    perform setval(seqrelid, seqstart, false) from pg_sequence;
end
$$;

with facts (fact) as (
    select row('relation', oid, relname, relnamespace, relkind, relowner, relacl, reloptions, reltablespace,
               relpages, reltuples, relallvisible, relrowsecurity)::text
    from pg_class where oid >= 16384
    union all select row('columns', count(*), max(xmin::text::bigint))::text from pg_attribute
    union all select row('constraints', count(*), max(xmin::text::bigint))::text from pg_constraint
    union all select row('defaults', count(*), max(xmin::text::bigint))::text from pg_attrdef
    union all select row('functions', count(*), max(xmin::text::bigint))::text from pg_proc
    union all select row('indexes', count(*), max(xmin::text::bigint))::text from pg_index
    union all select row('policies', count(*), max(xmin::text::bigint))::text from pg_policy
    union all select row('rules', count(*), max(xmin::text::bigint))::text from pg_rewrite
    union all select row('schemas', count(*), max(xmin::text::bigint))::text
    from pg_namespace where nspname !~ '^pg_(toast_)?temp_'
    union all select row('triggers', count(*), max(xmin::text::bigint))::text from pg_trigger
    union all select row('types', count(*), max(xmin::text::bigint))::text from pg_type
    union all select row('statistics', count(*), max(xmin::text::bigint))::text from pg_statistic
    union all select row('settings', setrole, setconfig)::text
    from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())
    union all select row('database', datdba, datacl, datconnlimit, datallowconn)::text
    from pg_database where datname = current_database()
    union all select row('migration', schema_version)::text from schema_version
)
select md5(string_agg(fact, E'\n' order by fact)) from facts;

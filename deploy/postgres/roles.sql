-- The login roles and schemas of Inkling. A superuser runs it with psql in the database of Inkling, as often as wanted:
--   INKLING_PROJECTOR_OWNER_PASSWORD=… (one for each role) psql -v ON_ERROR_STOP=1 -f roles.sql inkling
-- An owner migrates its schema, a writer folds into it, a reader answers from it. Row-level security holds for readers;
-- each service's migrations grant to these fixed names.

\getenv projector_owner_password INKLING_PROJECTOR_OWNER_PASSWORD
\getenv projector_writer_password INKLING_PROJECTOR_WRITER_PASSWORD
\getenv projector_reader_password INKLING_PROJECTOR_READER_PASSWORD
\getenv alerts_owner_password INKLING_ALERTS_OWNER_PASSWORD
\getenv alerts_writer_password INKLING_ALERTS_WRITER_PASSWORD
\getenv alerts_reader_password INKLING_ALERTS_READER_PASSWORD

select format('create role %I', role)
from unnest(array[
    'inkling_projector_owner', 'inkling_projector_writer', 'inkling_projector_reader',
    'inkling_alerts_owner', 'inkling_alerts_writer', 'inkling_alerts_reader'
]) as role
where not exists (select from pg_roles where rolname = role)
\gexec

alter role inkling_projector_owner login nosuperuser nobypassrls password :'projector_owner_password';
alter role inkling_projector_writer login nosuperuser nobypassrls password :'projector_writer_password';
alter role inkling_projector_reader login nosuperuser nobypassrls password :'projector_reader_password';
alter role inkling_alerts_owner login nosuperuser nobypassrls password :'alerts_owner_password';
alter role inkling_alerts_writer login nosuperuser nobypassrls password :'alerts_writer_password';
alter role inkling_alerts_reader login nosuperuser nobypassrls password :'alerts_reader_password';

select format('revoke all on database %I from public', current_database())
\gexec
select format(
    'grant connect, temporary on database %I to inkling_projector_owner, inkling_projector_writer, inkling_projector_reader, '
    'inkling_alerts_owner, inkling_alerts_writer, inkling_alerts_reader', current_database())
\gexec
revoke all on schema public from public;

create schema if not exists projector authorization inkling_projector_owner;
create schema if not exists alerts authorization inkling_alerts_owner;
grant usage on schema projector to inkling_projector_writer, inkling_projector_reader;
grant usage on schema alerts to inkling_alerts_writer, inkling_alerts_reader;

-- A rebuild makes the projector's read models anew in the one, and tables that change places go through the other.
create schema if not exists projector_beside authorization inkling_projector_owner;
create schema if not exists projector_between authorization inkling_projector_owner;
grant usage on schema projector_beside to inkling_projector_writer;

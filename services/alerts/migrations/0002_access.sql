-- Who may see what: the writer everything, the reader what its transaction's app.tenant and app.owner allow. An empty
-- app.owner is a manager, who sees all of the tenant; without app.tenant nothing is to be seen.

grant select, insert, update, delete on message, personal, alert, tenant_sequence to inkling_alerts_writer;
grant select on message, personal, alert, tenant_sequence, card to inkling_alerts_reader;
-- Records set aside are whole, whoever's they are.
revoke all on quarantine from inkling_alerts_reader;

do $$
declare
    name text;
begin
    foreach name in array array['message', 'personal', 'alert', 'tenant_sequence'] loop
        execute format('alter table %I enable row level security, force row level security', name);
        execute format('create policy writes on %I to inkling_alerts_writer using (true) with check (true)', name);
    end loop;
    foreach name in array array['message', 'alert'] loop
        execute format(
            'create policy reads on %I for select to inkling_alerts_reader using (
                tenant = current_setting(''app.tenant'', true)
                and coalesce(current_setting(''app.owner'', true), '''') in ('''', owner))',
            name);
    end loop;
end $$;

create policy reads on personal for select to inkling_alerts_reader using (
    tenant = current_setting('app.tenant', true)
    and (coalesce(current_setting('app.owner', true), '') = ''
         or exists (select from message
                    where message.tenant = personal.tenant and message.message_id = personal.message_id)));
create policy reads on tenant_sequence for select to inkling_alerts_reader using (
    tenant = current_setting('app.tenant', true));

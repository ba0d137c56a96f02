-- Who may see what: the writer everything, the reader what its transaction's app.tenant and app.owner allow. An empty
-- app.owner is a manager, who sees all of the tenant; without app.tenant nothing is to be seen.

grant select, insert, update, delete on
    message, recipient, link, attachment, viewer, view_slot, template, tenant_day, hour_of_week, interaction,
    correspondence, personal, person, tenant_setting, first_fact
    to inkling_projector_writer;
grant select on
    message, recipient, link, attachment, viewer, template, tenant_day, hour_of_week, interaction, correspondence,
    personal, person, tenant_setting
    to inkling_projector_reader;
-- Records set aside are whole, whoever's they are.
revoke all on quarantine from inkling_projector_reader;

do $$
declare
    name text;
begin
    foreach name in array array[
        'message', 'recipient', 'link', 'attachment', 'viewer', 'view_slot', 'template', 'tenant_day', 'hour_of_week',
        'interaction', 'interaction_other', 'correspondence', 'personal', 'person', 'tenant_setting', 'first_fact'
    ] loop
        execute format('alter table %I enable row level security, force row level security', name);
        execute format('create policy writes on %I to inkling_projector_writer using (true) with check (true)', name);
    end loop;
    foreach name in array array[
        'recipient', 'link', 'attachment', 'viewer', 'interaction', 'correspondence', 'personal', 'person'
    ] loop
        execute format(
            'create policy reads on %1$I for select to inkling_projector_reader using (
                tenant = current_setting(''app.tenant'', true)
                and (coalesce(current_setting(''app.owner'', true), '''') = ''''
                     or exists (select from message
                                where message.tenant = %1$I.tenant and message.message_id = %1$I.message_id)))',
            name);
    end loop;
    -- The sub-select is asked once for a statement, and is what lets a manager's list use an index: the planner takes a
    -- test of the setting in each row for one that few rows pass.
    foreach name in array array['message', 'tenant_day', 'hour_of_week'] loop
        execute format(
            'create policy reads on %I for select to inkling_projector_reader using (
                tenant = current_setting(''app.tenant'', true)
                and ((select coalesce(current_setting(''app.owner'', true), '''') = '''')
                     or owner = current_setting(''app.owner'', true)))',
            name);
    end loop;
    foreach name in array array['template', 'tenant_setting'] loop
        execute format(
            'create policy reads on %I for select to inkling_projector_reader using (
                tenant = current_setting(''app.tenant'', true))',
            name);
    end loop;
end $$;

-- name: engagement
-- Whether email engagement is on for a tenant; no row is yes.
select engagement
from tenant_setting
where tenant = $1;

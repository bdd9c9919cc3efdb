-- The role stays, as those of 0007 do: other databases of the cluster may use it.
drop function gridcast_grant();
alter function gridcast_grant_without_alerts() rename to gridcast_grant;
drop table alert_deliveries;
drop table alert_notices;
drop table alerts;
drop table alert_offsets;

-- What GET /payouts reads: an owner's payouts by the time of their creation, newest first.
CREATE INDEX payouts_listing ON payouts (org_id, mode, created_at, id);

-- The few that are still under way or have failed, so that finding them costs the same however many were delivered.
CREATE INDEX payouts_undelivered ON payouts (org_id, mode, created_at, id) WHERE status <> 'delivered';

CREATE INDEX payouts_by_ref ON payouts (external_ref, org_id, mode, created_at, id);

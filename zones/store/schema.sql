-- zones/store/schema.sql - the store: what an operator wants gslbd to serve. `gslbctl init` runs this; docs/STORE.md explains it.
--
-- People type into these tables with the sqlite3 shell, which leaves foreign keys off. So triggers, which always run,
-- check references, ranges and syntax, and refuse a mistake with one sentence that says what to do.
--
-- How a refusal is made. RAISE takes only a literal, and the sentence should hold the value. An expression that fails with
-- its argument in the message can carry it: json_extract() of a path that is no path. Where nothing is wrong the path
-- is NULL, so is the result, and the statement goes on. The RAISE around it is never reached, but tells SQLite that
-- the trigger may abort, so that the statement's earlier rows are undone:
--
--    SELECT raise(ABORT, 'pool') WHERE json_extract('{}', CASE WHEN it is wrong THEN 'pool: ...' END) NOTNULL;
--
-- How a check is shared. Views are the functions of this schema: a row that goes into `check_X` is looked at by its
-- INSTEAD OF trigger and goes nowhere. One check serves INSERT and UPDATE of a table.
--
-- Who may be deleted. Nothing cascades: a row that others refer to stays until they are gone (endpoint, pool, service, zone in
-- this order; record before zone; rule before policy and region). The name of such a row cannot be changed.
--
-- Every table is STRICT, so that a text in a column of numbers is an error and not a surprise.

PRAGMA journal_mode = WAL;
PRAGMA application_id = 0x67736c62; -- "gslb"
BEGIN;

-- Tables --------------------------------------------------------------------------------------------------------------

CREATE TABLE zone (
    name         TEXT PRIMARY KEY NOT NULL,         -- gslb.example.com
    mname        TEXT NOT NULL,                     -- the primary nameserver
    rname        TEXT NOT NULL,                     -- hostmaster@example.com, or with a dot for the @
    ttl          INTEGER NOT NULL DEFAULT 300,
    negative_ttl INTEGER NOT NULL DEFAULT 60,
    refresh      INTEGER NOT NULL DEFAULT 7200,
    retry        INTEGER NOT NULL DEFAULT 1800,
    expire       INTEGER NOT NULL DEFAULT 1209600,
    serial       INTEGER NOT NULL DEFAULT 0         -- kept by triggers
) STRICT, WITHOUT ROWID;

-- What stood where a zone was inserted, kept by triggers: INSERT OR REPLACE goes on from this serial.
CREATE TABLE zone_replaced (
    name   TEXT PRIMARY KEY NOT NULL,
    serial INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
    zone TEXT NOT NULL,
    name TEXT NOT NULL,                             -- relative to the zone, @ is the zone itself
    type TEXT NOT NULL,
    ttl  INTEGER,                                   -- NULL: the zone's
    data TEXT NOT NULL,                             -- as in a zone file
    PRIMARY KEY (zone, name, type, data)
) STRICT, WITHOUT ROWID;

CREATE TABLE region (
    name      TEXT PRIMARY KEY NOT NULL,
    latitude  REAL,                                 -- degrees north
    longitude REAL,                                 -- degrees east
    state     TEXT NOT NULL DEFAULT 'auto',         -- auto, up, drain, down
    until     INTEGER,                              -- unix time at which the state ends; NULL: never
    note      TEXT,
    monitor   TEXT,                                 -- with target: the region as a whole is probed too
    target    TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE monitor (
    name           TEXT PRIMARY KEY NOT NULL,
    type           TEXT NOT NULL,                   -- tcp, http, https
    port           INTEGER,                         -- NULL: the type's own
    host           TEXT,                            -- Host header and TLS name
    path           TEXT NOT NULL DEFAULT '/',
    method         TEXT NOT NULL DEFAULT 'GET',
    expect_status  TEXT NOT NULL DEFAULT '200-399', -- 200,204,300-399
    expect_body    TEXT,                            -- must occur in the body
    tls_verify     INTEGER NOT NULL DEFAULT 1,
    interval_s     REAL NOT NULL DEFAULT 10,
    timeout_s      REAL NOT NULL DEFAULT 3,
    fall           INTEGER NOT NULL DEFAULT 3,
    rise           INTEGER NOT NULL DEFAULT 2,
    latency_max_ms INTEGER,
    quorum         TEXT NOT NULL DEFAULT 'majority' -- or a number of vantage points
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
    name     TEXT PRIMARY KEY NOT NULL,
    method   TEXT NOT NULL DEFAULT 'rules',         -- rules, nearest
    geofence INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE rule (
    policy TEXT NOT NULL,
    client TEXT NOT NULL,                           -- default, continent:EU, country:DE, subdivision:US-CA, asn:64500, net:192.0.2.0/24
    region TEXT NOT NULL,
    tier   INTEGER NOT NULL DEFAULT 1,
    weight INTEGER,                                 -- NULL: the pool's
    PRIMARY KEY (policy, client, region)
) STRICT, WITHOUT ROWID;

-- No fewer than a policy has, kept by triggers: what INSERT OR REPLACE replaces is in it twice.
CREATE TABLE rule_count (
    policy TEXT PRIMARY KEY NOT NULL,
    rules  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE service (
    name        TEXT PRIMARY KEY NOT NULL,          -- the full name, www.gslb.example.com
    policy      TEXT NOT NULL,
    monitor     TEXT,                               -- NULL: not probed, always serves
    ttl         INTEGER NOT NULL DEFAULT 30,
    answers     INTEGER NOT NULL DEFAULT 0,         -- 0: every serving address of the region
    sticky      TEXT NOT NULL DEFAULT 'none',       -- none, client
    all_down    TEXT NOT NULL DEFAULT 'serve_all',  -- serve_all, nodata, servfail
    panic_below REAL NOT NULL DEFAULT 0             -- a share of weight, 0 to 1
) STRICT, WITHOUT ROWID;

CREATE TABLE pool (
    service TEXT NOT NULL,
    region  TEXT NOT NULL,
    weight  INTEGER NOT NULL DEFAULT 100,           -- 0: standby
    min_up  INTEGER NOT NULL DEFAULT 1,
    state   TEXT NOT NULL DEFAULT 'auto',
    until   INTEGER,
    note    TEXT,
    PRIMARY KEY (service, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint (
    service       TEXT NOT NULL,
    region        TEXT NOT NULL,
    address       TEXT NOT NULL,                    -- IPv4, IPv6, or a host name (answered as a CNAME)
    weight        INTEGER NOT NULL DEFAULT 1,
    state         TEXT NOT NULL DEFAULT 'auto',
    until         INTEGER,
    note          TEXT,
    check_address TEXT,                             -- what to probe, where it is not the address
    PRIMARY KEY (service, region, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE vantage (
    name       TEXT PRIMARY KEY NOT NULL,
    public_key TEXT NOT NULL,                       -- Ed25519, base64
    latitude   REAL,
    longitude  REAL,
    asn        INTEGER,
    enabled    INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

-- Who may copy a zone: whoever matches one of its rows in every column that is not NULL. Nobody, where there is none.
CREATE TABLE transfer (
    zone TEXT NOT NULL,
    net  TEXT,                                      -- 192.0.2.0/24, or one address; NULL: from anywhere
    key  TEXT                                       -- of tsig_key; NULL: not signed
) STRICT;

-- Whom to tell that a zone has changed.
CREATE TABLE notify (
    zone    TEXT NOT NULL,
    address TEXT NOT NULL,                          -- IPv4 or IPv6
    port    INTEGER NOT NULL DEFAULT 53,
    key     TEXT,                                   -- of tsig_key; NULL: not signed
    PRIMARY KEY (zone, address, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE tsig_key (
    name      TEXT PRIMARY KEY NOT NULL,            -- as the other side calls it
    algorithm TEXT NOT NULL DEFAULT 'hmac-sha256',  -- or hmac-sha1, -sha224, -sha384, -sha512
    secret    TEXT NOT NULL                         -- base64
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,                        -- unix time
    op     TEXT NOT NULL,                           -- insert, update, delete
    tbl    TEXT NOT NULL,
    key    TEXT NOT NULL,                           -- www.gslb.example.com eu 198.51.100.1
    before TEXT,                                    -- the row as JSON; NULL for an insert
    after  TEXT                                     -- NULL for a delete
) STRICT;

-- For "is anybody using it?" when a region, a monitor or a policy is deleted, and for the few rows with a state.
CREATE INDEX pool_region ON pool(region);
CREATE INDEX rule_region ON rule(region);
CREATE INDEX service_policy ON service(policy);
CREATE INDEX service_monitor ON service(monitor) WHERE monitor IS NOT NULL;
CREATE INDEX pool_state ON pool(state) WHERE state <> 'auto';
CREATE INDEX endpoint_state ON endpoint(state) WHERE state <> 'auto';

-- One row for each permission; for "is anybody using it?" when a key is deleted; and for the serial of a zone that was here before.
CREATE UNIQUE INDEX transfer_row ON transfer(zone, coalesce(net, ''), coalesce(key, ''));
CREATE INDEX transfer_key ON transfer(key) WHERE key IS NOT NULL;
CREATE INDEX notify_key ON notify(key) WHERE key IS NOT NULL;
CREATE INDEX audit_zone_deleted ON audit(key, seq) WHERE tbl = 'zone' AND op = 'delete';

-- The zone that each service is in: the longest one that is an ancestor of its name.
CREATE VIEW service_zone(service, zone) AS
SELECT s.name,
       (WITH RECURSIVE up(name) AS (SELECT s.name
                                    UNION ALL
                                    SELECT iif(instr(name, '.') > 0, substr(name, instr(name, '.') + 1), '.')
                                    FROM up WHERE name <> '.')
        SELECT z.name FROM up JOIN zone AS z ON z.name = up.name ORDER BY z.name = '.', length(z.name) DESC LIMIT 1)
FROM service AS s;

-- Checks of one value -------------------------------------------------------------------------------------------------

-- A domain name. `tbl` is the table that the sentence names, `col` the column. Only a zone may be the root, only a
-- service a wildcard.
CREATE VIEW check_name(tbl, col, name) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_name_row INSTEAD OF INSERT ON check_name
WHEN (NEW.tbl, NEW.col, NEW.name) IS NOT ('zone', 'name', '.')
BEGIN
    SELECT raise(ABORT, 'name') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.name, '') = ''
            THEN format('%s: %s is empty; give a name such as "gslb.example.com"', NEW.tbl, NEW.col)
        WHEN NEW.name <> lower(NEW.name)
            THEN format('%s: %s "%s" has upper-case letters; write "%s"',
                        NEW.tbl, NEW.col, NEW.name, lower(NEW.name))
        WHEN NEW.name GLOB '*.'
            THEN format('%s: %s "%s" ends in a dot; write "%s"', NEW.tbl, NEW.col, NEW.name, rtrim(NEW.name, '.'))
        WHEN iif(NEW.tbl = 'service' AND NEW.name GLOB '[*].*', substr(NEW.name, 3), NEW.name) GLOB '*[^-a-z0-9_./]*'
            THEN format('%s: %s "%s" may hold only letters, digits, "-", "_", "/" and dots',
                        NEW.tbl, NEW.col, NEW.name)
        WHEN NEW.name GLOB '.*' OR NEW.name GLOB '*..*'
            THEN format('%s: %s "%s" has an empty label; take out a dot', NEW.tbl, NEW.col, NEW.name)
        WHEN length(NEW.name) > 253
            THEN format('%s: %s "%s" has %d characters; a name has at most 253',
                        NEW.tbl, NEW.col, NEW.name, length(NEW.name))
        WHEN length(NEW.name) > 63 AND NEW.name GLOB '*' || replace(hex(zeroblob(32)), '0', '[^.]') || '*'
            THEN format('%s: %s "%s" has a label of more than 63 characters; shorten it',
                        NEW.tbl, NEW.col, NEW.name)
    END) NOTNULL;
END;

-- The short name of a region, policy, monitor or vantage point.
CREATE VIEW check_label(tbl, name) AS SELECT NULL, NULL;
CREATE TRIGGER check_label_row INSTEAD OF INSERT ON check_label
BEGIN
    SELECT raise(ABORT, 'name') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.name, '') = ''
            THEN format('%s: name is empty; give one such as "eu-west"', NEW.tbl)
        WHEN NEW.name <> lower(NEW.name)
            THEN format('%s: name "%s" has upper-case letters; write "%s"', NEW.tbl, NEW.name, lower(NEW.name))
        WHEN NEW.name GLOB '*[^-a-z0-9_.]*'
            THEN format('%s: name "%s" may hold only letters, digits, "-", "_" and dots', NEW.tbl, NEW.name)
        WHEN length(NEW.name) > 63
            THEN format('%s: name "%s" has %d characters; shorten it to 63', NEW.tbl, NEW.name, length(NEW.name))
    END) NOTNULL;
END;

-- An IPv4 or IPv6 address, as inet_pton(3) takes it, or a host name: the compiler takes what is no address for a host. NULL passes.
CREATE VIEW check_address(tbl, col, address) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_address_v4 INSTEAD OF INSERT ON check_address
WHEN NEW.address NOT GLOB '*[^0-9.]*'
BEGIN
    -- Four numbers between dots are a JSON array when commas stand for the dots; JSON takes no leading zeros either.
    SELECT raise(ABORT, 'address') WHERE json_extract('{}', CASE
        WHEN CASE WHEN json_valid('[' || replace(NEW.address, '.', ',') || ']')
                  THEN (SELECT count(*) <> 4 OR max(value) > 255
                        FROM json_each('[' || replace(NEW.address, '.', ',') || ']'))
                  ELSE 1 END
            THEN format('%s: %s "%s" is not an IPv4 address; write four numbers up to 255 such as 192.0.2.1',
                        NEW.tbl, NEW.col, NEW.address)
    END) NOTNULL;
END;
CREATE TRIGGER check_address_v6 INSTEAD OF INSERT ON check_address
WHEN instr(NEW.address, ':') > 0
BEGIN
    SELECT raise(ABORT, 'address') WHERE json_extract('{}', CASE
        WHEN NEW.address <> lower(NEW.address)
            THEN format('%s: %s "%s" has upper-case letters; write "%s"',
                        NEW.tbl, NEW.col, NEW.address, lower(NEW.address))
        WHEN NEW.address GLOB '*[^0-9a-f:.]*'
          OR NEW.address GLOB '*[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*'
          OR NEW.address GLOB '*:::*' OR NEW.address GLOB '*::*::*'
          OR NEW.address GLOB ':[^:]*' OR NEW.address GLOB '*[^:]:'
          -- "::" stands for a group at least; an IPv4 address, for two and at the end.
          OR CASE WHEN NEW.address GLOB '*::*'
                  THEN length(trim(replace(NEW.address, '::', ':'), ':'))
                       - length(replace(NEW.address, ':', '')) + (NEW.address GLOB '*.*') > 6
                  ELSE length(NEW.address) - length(replace(NEW.address, ':', '')) <> 7 - (NEW.address GLOB '*.*') END
          OR NEW.address GLOB '*.*:*' OR NEW.address GLOB '*.*' AND (
                 WITH tail(text) AS (SELECT substr(NEW.address, length(rtrim(NEW.address, '0123456789abcdef.')) + 1)),
                      list(numbers) AS (SELECT '[' || replace(text, '.', ',') || ']' FROM tail WHERE text NOT GLOB '*[a-f]*')
                 SELECT coalesce(max(CASE WHEN json_valid(numbers)
                                          THEN (SELECT count(*) <> 4 OR max(value) > 255 FROM json_each(numbers))
                                          ELSE 1 END), 1)
                 FROM list)
            THEN format('%s: %s "%s" is not an IPv6 address; write one such as 2001:db8::1',
                        NEW.tbl, NEW.col, NEW.address)
    END) NOTNULL;
END;
CREATE TRIGGER check_address_host INSTEAD OF INSERT ON check_address
WHEN NEW.address GLOB '*[^0-9.]*' AND instr(NEW.address, ':') = 0
BEGIN
    INSERT INTO check_name VALUES (NEW.tbl, NEW.col, NEW.address);
END;

-- The operator's word on a region, pool or endpoint. `key` is the row's name in the sentence.
CREATE VIEW check_state(tbl, key, state, until) AS SELECT NULL, NULL, NULL, NULL;
CREATE TRIGGER check_state_row INSTEAD OF INSERT ON check_state
BEGIN
    SELECT raise(ABORT, 'state') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.state, '') NOT IN ('auto', 'up', 'drain', 'down')
            THEN format('%s: state "%s" of "%s" is not one of auto, up, drain and down',
                        NEW.tbl, NEW.state, NEW.key)
        WHEN NEW.until NOT BETWEEN 0 AND 99999999999
            THEN format('%s: until %s of "%s" is not a unix time in seconds; write for example unixepoch() + 3600',
                        NEW.tbl, NEW.until, NEW.key)
    END) NOTNULL;
END;

-- Where a region or a vantage point is: nowhere, or both coordinates.
CREATE VIEW check_place(tbl, name, latitude, longitude) AS SELECT NULL, NULL, NULL, NULL;
CREATE TRIGGER check_place_row INSTEAD OF INSERT ON check_place
BEGIN
    SELECT raise(ABORT, 'place') WHERE json_extract('{}', CASE
        WHEN (NEW.latitude IS NULL) <> (NEW.longitude IS NULL)
            THEN format('%s: "%s" has one coordinate of two; give latitude and longitude, or neither',
                        NEW.tbl, NEW.name)
        WHEN NEW.latitude NOT BETWEEN -90 AND 90
            THEN format('%s: latitude %s of "%s" is outside -90 to 90', NEW.tbl, NEW.latitude, NEW.name)
        WHEN NEW.longitude NOT BETWEEN -180 AND 180
            THEN format('%s: longitude %s of "%s" is outside -180 to 180', NEW.tbl, NEW.longitude, NEW.name)
    END) NOTNULL;
END;

-- zone ----------------------------------------------------------------------------------------------------------------

CREATE VIEW check_zone(name, rname, ttl, negative_ttl, refresh, retry, expire, serial) AS
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
CREATE TRIGGER check_zone_row INSTEAD OF INSERT ON check_zone
BEGIN
    SELECT raise(ABORT, 'zone') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.rname, '') = ''
            THEN format('zone: rname of "%s" is empty; give a mail address such as hostmaster@example.com',
                        NEW.name)
        WHEN NEW.rname GLOB '*[^!-~]*' OR NEW.rname GLOB '*.' OR NEW.rname GLOB '*@*@*'
          OR NEW.rname GLOB '@*' OR NEW.rname GLOB '*@' OR NEW.rname GLOB '*..*'
            THEN format('zone: rname "%s" of "%s" is not a mail address such as hostmaster@example.com',
                        NEW.rname, NEW.name)
        WHEN NEW.ttl NOT BETWEEN 0 AND 2147483647
            THEN format('zone: ttl %s of "%s" is outside 0 to 2147483647', NEW.ttl, NEW.name)
        WHEN NEW.negative_ttl NOT BETWEEN 0 AND 2147483647
            THEN format('zone: negative_ttl %s of "%s" is outside 0 to 2147483647', NEW.negative_ttl, NEW.name)
        WHEN NEW.refresh NOT BETWEEN 0 AND 2147483647
            THEN format('zone: refresh %s of "%s" is outside 0 to 2147483647', NEW.refresh, NEW.name)
        WHEN NEW.retry NOT BETWEEN 0 AND 2147483647
            THEN format('zone: retry %s of "%s" is outside 0 to 2147483647', NEW.retry, NEW.name)
        WHEN NEW.expire NOT BETWEEN 0 AND 2147483647
            THEN format('zone: expire %s of "%s" is outside 0 to 2147483647', NEW.expire, NEW.name)
        WHEN NEW.serial NOT BETWEEN 0 AND 4294967295
            THEN format('zone: serial %s of "%s" is outside 0 to 4294967295', NEW.serial, NEW.name)
    END) NOTNULL;
END;

CREATE TRIGGER zone_before_insert BEFORE INSERT ON zone
BEGIN
    INSERT INTO check_name VALUES ('zone', 'name', NEW.name), ('zone', 'mname', NEW.mname);
    INSERT INTO check_zone VALUES (NEW.name, NEW.rname, NEW.ttl, NEW.negative_ttl, NEW.refresh, NEW.retry,
            NEW.expire, NEW.serial);
END;

-- Not for the serial alone, which every change of a record moves.
CREATE TRIGGER zone_before_update BEFORE UPDATE OF name, mname, rname, ttl, negative_ttl, refresh, retry, expire ON zone
BEGIN
    SELECT raise(ABORT, 'zone') WHERE json_extract('{}', CASE WHEN NEW.name <> OLD.name
        THEN format('zone: "%s" cannot be renamed; insert "%s", move the records there and delete this one',
                    OLD.name, NEW.name)
    END) NOTNULL;
    INSERT INTO check_name VALUES ('zone', 'mname', NEW.mname);
    INSERT INTO check_zone VALUES (NEW.name, NEW.rname, NEW.ttl, NEW.negative_ttl, NEW.refresh, NEW.retry,
            NEW.expire, NEW.serial);
END;

CREATE TRIGGER zone_before_update_serial BEFORE UPDATE OF serial ON zone
WHEN NEW.serial NOT BETWEEN 0 AND 4294967295
BEGIN
    INSERT INTO check_zone VALUES (NEW.name, NEW.rname, NEW.ttl, NEW.negative_ttl, NEW.refresh, NEW.retry,
            NEW.expire, NEW.serial);
END;

CREATE TRIGGER zone_before_delete BEFORE DELETE ON zone
BEGIN
    SELECT raise(ABORT, 'zone') WHERE json_extract('{}', CASE
        WHEN EXISTS (SELECT 1 FROM record WHERE zone = OLD.name)
            THEN format('zone: "%s" still has %d records; delete them from record first', OLD.name,
                        (SELECT count(*) FROM record WHERE zone = OLD.name))
        WHEN EXISTS (SELECT 1 FROM service AS s
                     WHERE (OLD.name IN (s.name, '.') OR substr(s.name, -length(OLD.name) - 1) = '.' || OLD.name)
                       AND (SELECT zone FROM service_zone WHERE service = s.name) = OLD.name)
            THEN format('zone: "%s" still has services, such as "%s"; delete them from service first', OLD.name,
                        (SELECT service FROM service_zone WHERE zone = OLD.name LIMIT 1))
        WHEN EXISTS (SELECT 1 FROM transfer WHERE zone = OLD.name)
            THEN format('zone: "%s" may still be copied; delete its rows from transfer first', OLD.name)
        WHEN EXISTS (SELECT 1 FROM notify WHERE zone = OLD.name)
            THEN format('zone: "%s" is still told of to "%s"; delete its rows from notify first', OLD.name,
                        (SELECT address FROM notify WHERE zone = OLD.name LIMIT 1))
    END) NOTNULL;
END;

-- record --------------------------------------------------------------------------------------------------------------

CREATE VIEW check_record(zone, name, type, ttl, data, full_name) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL;
-- A hundred thousand records come in one transaction, hence instr(): IN makes a table of its list for each row.
CREATE TRIGGER check_record_row INSTEAD OF INSERT ON check_record
BEGIN
    SELECT raise(ABORT, 'record') WHERE json_extract('{}', CASE
        WHEN NOT EXISTS (SELECT 1 FROM zone WHERE name = NEW.zone)
            THEN format('record: there is no zone "%s"; insert it into zone first', NEW.zone)
        WHEN coalesce(NEW.name, '') = ''
            THEN format('record: name in zone "%s" is empty; write @ for the zone itself', NEW.zone)
        WHEN NEW.name <> lower(NEW.name)
            THEN format('record: name "%s" has upper-case letters; write "%s"', NEW.name, lower(NEW.name))
        WHEN NEW.name GLOB '*.' AND NEW.name NOT GLOB '*\.'
            THEN format('record: name "%s" ends in a dot; write it relative to "%s", or @ for the zone itself',
                        NEW.name, NEW.zone)
        WHEN NEW.name GLOB '*[^!-~]*' OR NEW.name GLOB '.*' OR NEW.name GLOB '*..*'
          OR (NEW.name GLOB '*[";()$@]*' AND NEW.name <> '@' AND instr(NEW.name, '\') = 0)
            THEN format('record: name "%s" in zone "%s" is not a domain name; write labels between dots, and \DDD for odd characters',
                        NEW.name, NEW.zone)
        WHEN length(NEW.full_name) > 63 AND instr(NEW.name, '\') = 0
         AND (length(NEW.full_name) > 253 OR NEW.name GLOB '*' || replace(hex(zeroblob(32)), '0', '[^.]') || '*')
            THEN format('record: name "%s" is too long; a label has at most 63 characters, a name 253',
                        NEW.full_name)
        WHEN coalesce(NEW.type, '') NOT GLOB '[A-Z]*' OR NEW.type GLOB '*[^-A-Z0-9]*'
            THEN format('record: type "%s" of "%s" is not a type; write it in capitals, such as A, MX or TYPE65280',
                        NEW.type, NEW.name)
        WHEN NEW.type = 'SOA'
            THEN format('record: the SOA of "%s" is made from its row in zone; change it there', NEW.zone)
        WHEN instr(' ANY AXFR IXFR MAILA MAILB OPT TSIG TKEY ', ' ' || NEW.type || ' ') > 0
            THEN format('record: "%s" at "%s" is a type of queries; it cannot be stored', NEW.type, NEW.name)
        WHEN NEW.ttl NOT BETWEEN 0 AND 2147483647
            THEN format('record: ttl %s of "%s" is outside 0 to 2147483647', NEW.ttl, NEW.name)
        WHEN trim(coalesce(NEW.data, ''), ' ') = '' OR instr(NEW.data, char(10)) > 0 OR instr(NEW.data, char(13)) > 0
            THEN format('record: data of "%s" %s is not one line of text; write it as in a zone file',
                        NEW.name, NEW.type)
        WHEN instr(' A AAAA CNAME ', ' ' || NEW.type || ' ') > 0 AND EXISTS (SELECT 1 FROM service WHERE name = NEW.full_name)
            THEN format('record: "%s" is a service, which makes its %s; delete it from service first, or use endpoint',
                        NEW.full_name, NEW.type)
        WHEN EXISTS (SELECT 1 FROM endpoint
                     WHERE service = NEW.full_name AND address GLOB '*[^0-9.]*' AND instr(address, ':') = 0)
            THEN format('record: "%s" is a service with a host name for an endpoint (a CNAME); nothing else can stand beside it',
                        NEW.full_name)
    END) NOTNULL;
END;

CREATE TRIGGER record_before_insert BEFORE INSERT ON record
BEGIN
    INSERT INTO check_record VALUES (NEW.zone, NEW.name, NEW.type, NEW.ttl, NEW.data,
                                     CASE WHEN NEW.name = '@' THEN NEW.zone WHEN NEW.zone = '.' THEN NEW.name
                                          ELSE NEW.name || '.' || NEW.zone END);
END;

CREATE TRIGGER record_before_update BEFORE UPDATE ON record
BEGIN
    INSERT INTO check_record VALUES (NEW.zone, NEW.name, NEW.type, NEW.ttl, NEW.data,
                                     CASE WHEN NEW.name = '@' THEN NEW.zone WHEN NEW.zone = '.' THEN NEW.name
                                          ELSE NEW.name || '.' || NEW.zone END);
END;

-- region --------------------------------------------------------------------------------------------------------------

CREATE VIEW check_region(name, monitor, target) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_region_row INSTEAD OF INSERT ON check_region
BEGIN
    SELECT raise(ABORT, 'region') WHERE json_extract('{}', CASE
        WHEN (NEW.monitor IS NULL) <> (NEW.target IS NULL)
            THEN format('region: "%s" has %s without %s; give both or neither', NEW.name,
                        iif(NEW.monitor IS NULL, 'a target', 'a monitor'), iif(NEW.monitor IS NULL, 'a monitor', 'a target'))
        WHEN NEW.monitor IS NOT NULL AND NOT EXISTS (SELECT 1 FROM monitor WHERE name = NEW.monitor)
            THEN format('region: there is no monitor "%s"; insert it into monitor first', NEW.monitor)
    END) NOTNULL;
END;

CREATE TRIGGER region_before_insert BEFORE INSERT ON region
BEGIN
    -- At most REGIONS_MAX.
    SELECT raise(ABORT, 'region') WHERE json_extract('{}', CASE
        WHEN (SELECT count(*) FROM region WHERE name <> NEW.name) >= 256
            THEN format('region: "%s" would be the 257th; a store holds at most 256 regions', NEW.name)
    END) NOTNULL;
    INSERT INTO check_label VALUES ('region', NEW.name);
    INSERT INTO check_place VALUES ('region', NEW.name, NEW.latitude, NEW.longitude);
    INSERT INTO check_state VALUES ('region', NEW.name, NEW.state, NEW.until);
    INSERT INTO check_region VALUES (NEW.name, NEW.monitor, NEW.target);
    INSERT INTO check_address VALUES ('region', 'target', NEW.target);
END;

CREATE TRIGGER region_before_update BEFORE UPDATE ON region
BEGIN
    SELECT raise(ABORT, 'region') WHERE json_extract('{}', CASE WHEN NEW.name <> OLD.name
        THEN format('region: "%s" cannot be renamed; insert "%s", move pools and rules there and delete this one',
                    OLD.name, NEW.name)
    END) NOTNULL;
    INSERT INTO check_place VALUES ('region', NEW.name, NEW.latitude, NEW.longitude);
    INSERT INTO check_state VALUES ('region', NEW.name, NEW.state, NEW.until);
    INSERT INTO check_region VALUES (NEW.name, NEW.monitor, NEW.target);
    INSERT INTO check_address VALUES ('region', 'target', NEW.target);
END;

CREATE TRIGGER region_before_delete BEFORE DELETE ON region
BEGIN
    SELECT raise(ABORT, 'region') WHERE json_extract('{}', CASE
        WHEN EXISTS (SELECT 1 FROM pool WHERE region = OLD.name)
            THEN format('region: "%s" still has a pool of service "%s"; delete its endpoints and the pool first',
                        OLD.name,
                        (SELECT service FROM pool WHERE region = OLD.name LIMIT 1))
        WHEN EXISTS (SELECT 1 FROM rule WHERE region = OLD.name)
            THEN format('region: "%s" is still in a rule of policy "%s"; delete it from rule first', OLD.name,
                        (SELECT policy FROM rule WHERE region = OLD.name LIMIT 1))
    END) NOTNULL;
END;

-- monitor -------------------------------------------------------------------------------------------------------------

CREATE VIEW check_monitor(name, type, port, host, path, method, expect_status, expect_body, tls_verify, interval_s, timeout_s,
                          fall, rise, latency_max_ms, quorum) AS
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
CREATE TRIGGER check_monitor_row INSTEAD OF INSERT ON check_monitor
BEGIN
    SELECT raise(ABORT, 'monitor') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.type, '') NOT IN ('tcp', 'http', 'https')
            THEN format('monitor: type "%s" of "%s" is not one that probers know; write tcp, http or https',
                        NEW.type, NEW.name)
        WHEN NEW.type = 'tcp' AND NEW.port IS NULL
            THEN format('monitor: "%s" is of type tcp and has no port; give one', NEW.name)
        WHEN NEW.port NOT BETWEEN 1 AND 65535
            THEN format('monitor: port %s of "%s" is outside 1 to 65535', NEW.port, NEW.name)
        -- The limits of health/check.h, CHECK_HOST_MAX and so on: beyond them no prober would run it.
        WHEN NEW.host = '' OR NEW.host GLOB '*[^!-~]*' OR length(NEW.host) > 255
            THEN format('monitor: host "%s" of "%s" is not a host name', NEW.host, NEW.name)
        WHEN length(NEW.path) > 2047
            THEN format('monitor: path of "%s" has %d characters; shorten it to 2047', NEW.name, length(NEW.path))
        WHEN NEW.path NOT GLOB '/*' OR NEW.path GLOB '*[^!-~]*'
            THEN format('monitor: path "%s" of "%s" does not begin with "/", or has a space in it',
                        NEW.path, NEW.name)
        WHEN NEW.method = '' OR NEW.method GLOB '*[^A-Z]*' OR length(NEW.method) > 16
            THEN format('monitor: method "%s" of "%s" is not one such as GET or HEAD, in capitals',
                        NEW.method, NEW.name)
        WHEN EXISTS (WITH RECURSIVE part(item, rest) AS (
                         SELECT NULL, NEW.expect_status || ','
                         UNION ALL
                         SELECT substr(rest, 1, instr(rest, ',') - 1), substr(rest, instr(rest, ',') + 1) FROM part WHERE rest <> '')
                     SELECT 1 FROM part
                     WHERE item NOT GLOB '[1-5][0-9][0-9]'
                       AND NOT (item GLOB '[1-5][0-9][0-9]-[1-5][0-9][0-9]' AND substr(item, 1, 3) <= substr(item, 5)))
            THEN format('monitor: expect_status "%s" of "%s" is not a list such as 200,204 or 200-399',
                        NEW.expect_status, NEW.name)
        WHEN length(NEW.expect_status) - length(replace(NEW.expect_status, ',', '')) > 7
            THEN format('monitor: expect_status "%s" of "%s" has more than 8 codes and ranges', NEW.expect_status, NEW.name)
        WHEN length(CAST(NEW.expect_body AS BLOB)) NOT BETWEEN 1 AND 1024
            THEN format('monitor: expect_body of "%s" has %d bytes; give 1 to 1024, or NULL',
                        NEW.name, length(CAST(NEW.expect_body AS BLOB)))
        WHEN NEW.tls_verify NOT IN (0, 1)
            THEN format('monitor: tls_verify %s of "%s" is neither 0 nor 1', NEW.tls_verify, NEW.name)
        WHEN NEW.interval_s NOT BETWEEN 0.1 AND 86400
            THEN format('monitor: interval_s %s of "%s" is outside 0.1 to 86400', NEW.interval_s, NEW.name)
        WHEN NEW.timeout_s < 0.01
            THEN format('monitor: timeout_s %s of "%s" is below 0.01', NEW.timeout_s, NEW.name)
        WHEN NEW.timeout_s > NEW.interval_s
            THEN format('monitor: timeout_s %s of "%s" is above its interval_s %s; lower it or raise the interval',
                        NEW.timeout_s, NEW.name, NEW.interval_s)
        WHEN NEW.fall NOT BETWEEN 1 AND 100
            THEN format('monitor: fall %s of "%s" is outside 1 to 100', NEW.fall, NEW.name)
        WHEN NEW.rise NOT BETWEEN 1 AND 100
            THEN format('monitor: rise %s of "%s" is outside 1 to 100', NEW.rise, NEW.name)
        WHEN NEW.latency_max_ms NOT BETWEEN 1 AND 600000
            THEN format('monitor: latency_max_ms %s of "%s" is outside 1 to 600000; give milliseconds, or NULL',
                        NEW.latency_max_ms, NEW.name)
        WHEN coalesce(NEW.quorum, '') <> 'majority'
         AND (NEW.quorum NOT GLOB '[1-9]*' OR NEW.quorum GLOB '*[^0-9]*' OR length(NEW.quorum) > 4)
            THEN format('monitor: quorum "%s" of "%s" is neither majority nor a number of vantage points from 1',
                        NEW.quorum, NEW.name)
    END) NOTNULL;
END;

CREATE TRIGGER monitor_before_insert BEFORE INSERT ON monitor
BEGIN
    INSERT INTO check_label VALUES ('monitor', NEW.name);
    INSERT INTO check_monitor VALUES (NEW.name, NEW.type, NEW.port, NEW.host, NEW.path, NEW.method,
            NEW.expect_status,
        NEW.expect_body, NEW.tls_verify, NEW.interval_s, NEW.timeout_s, NEW.fall, NEW.rise, NEW.latency_max_ms, NEW.quorum);
END;

CREATE TRIGGER monitor_before_update BEFORE UPDATE ON monitor
BEGIN
    SELECT raise(ABORT, 'monitor') WHERE json_extract('{}', CASE WHEN NEW.name <> OLD.name
        THEN format('monitor: "%s" cannot be renamed; insert "%s", move services and regions there and delete this one',
                    OLD.name, NEW.name)
    END) NOTNULL;
    INSERT INTO check_monitor VALUES (NEW.name, NEW.type, NEW.port, NEW.host, NEW.path, NEW.method,
            NEW.expect_status,
        NEW.expect_body, NEW.tls_verify, NEW.interval_s, NEW.timeout_s, NEW.fall, NEW.rise, NEW.latency_max_ms, NEW.quorum);
END;

CREATE TRIGGER monitor_before_delete BEFORE DELETE ON monitor
BEGIN
    SELECT raise(ABORT, 'monitor') WHERE json_extract('{}', CASE
        WHEN EXISTS (SELECT 1 FROM service WHERE monitor = OLD.name)
            THEN format('monitor: "%s" is still used by service "%s"; set its monitor to another or to NULL first',
                        OLD.name,
                        (SELECT name FROM service WHERE monitor = OLD.name LIMIT 1))
        WHEN EXISTS (SELECT 1 FROM region WHERE monitor = OLD.name)
            THEN format('monitor: "%s" is still used by region "%s"; set its monitor to another or to NULL first',
                        OLD.name,
                        (SELECT name FROM region WHERE monitor = OLD.name LIMIT 1))
    END) NOTNULL;
END;

-- policy --------------------------------------------------------------------------------------------------------------

CREATE VIEW check_policy(name, method, geofence) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_policy_row INSTEAD OF INSERT ON check_policy
BEGIN
    SELECT raise(ABORT, 'policy') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.method, '') NOT IN ('rules', 'nearest')
            THEN format('policy: method "%s" of "%s" is neither rules nor nearest', NEW.method, NEW.name)
        WHEN NEW.geofence NOT IN (0, 1)
            THEN format('policy: geofence %s of "%s" is neither 0 nor 1', NEW.geofence, NEW.name)
        -- At most POLICIES_MAX.
        WHEN (SELECT count(*) FROM policy WHERE name <> NEW.name) >= 128
            THEN format('policy: "%s" would be the 129th; a store holds at most 128 policies', NEW.name)
    END) NOTNULL;
END;

CREATE TRIGGER policy_before_insert BEFORE INSERT ON policy
BEGIN
    INSERT INTO check_label VALUES ('policy', NEW.name);
    INSERT INTO check_policy VALUES (NEW.name, NEW.method, NEW.geofence);
END;

CREATE TRIGGER policy_before_update BEFORE UPDATE ON policy
BEGIN
    SELECT raise(ABORT, 'policy') WHERE json_extract('{}', CASE WHEN NEW.name <> OLD.name
        THEN format('policy: "%s" cannot be renamed; insert "%s", move rules and services there and delete this one',
                    OLD.name, NEW.name)
    END) NOTNULL;
    INSERT INTO check_policy VALUES (NEW.name, NEW.method, NEW.geofence);
END;

CREATE TRIGGER policy_before_delete BEFORE DELETE ON policy
BEGIN
    SELECT raise(ABORT, 'policy') WHERE json_extract('{}', CASE
        WHEN EXISTS (SELECT 1 FROM service WHERE policy = OLD.name)
            THEN format('policy: "%s" is still used by service "%s"; set its policy to another first', OLD.name,
                        (SELECT name FROM service WHERE policy = OLD.name LIMIT 1))
        WHEN EXISTS (SELECT 1 FROM rule WHERE policy = OLD.name)
            THEN format('policy: "%s" still has rules; delete them from rule first', OLD.name)
    END) NOTNULL;
END;

-- rule ----------------------------------------------------------------------------------------------------------------

-- Whether a network has bits set behind its prefix; `what` and `head` stand before it in the sentence and in what is
-- `given`. An IPv6 one with dots in it is left to the compiler.
CREATE VIEW check_net(what, head, given, address, bits) AS SELECT NULL, NULL, NULL, NULL, NULL;
CREATE TRIGGER check_net_v4 INSTEAD OF INSERT ON check_net
WHEN NEW.address NOT GLOB '*[^0-9.]*' AND NEW.bits <= 32
BEGIN
    SELECT raise(ABORT, 'net') WHERE json_extract('{}', (
        WITH whole(number) AS (SELECT sum(value << (24 - 8 * key))
                               FROM json_each('[' || replace(NEW.address, '.', ',') || ']')),
             first(number) AS (SELECT number >> (32 - NEW.bits) << (32 - NEW.bits) FROM whole)
        SELECT format('%s "%s" has bits set behind its /%d; write "%s%d.%d.%d.%d/%d"', NEW.what, NEW.given, NEW.bits,
                      NEW.head, f.number >> 24, f.number >> 16 & 255, f.number >> 8 & 255, f.number & 255, NEW.bits)
        FROM whole AS w, first AS f WHERE w.number <> f.number)) NOTNULL;
END;
CREATE TRIGGER check_net_v6 INSTEAD OF INSERT ON check_net
WHEN instr(NEW.address, ':') > 0 AND instr(NEW.address, '.') = 0 AND NEW.bits <= 128
BEGIN
    -- Written out to 32 digits, cut to the prefix, and, where that is not the same, written short again.
    SELECT raise(ABORT, 'net') WHERE json_extract('{}', (
        WITH RECURSIVE
        given(text) AS (SELECT trim(replace(NEW.address, '::', ':'), ':')),
        missing(groups) AS (SELECT 8 - iif(text = '', 0, length(text) - length(replace(text, ':', '')) + 1) FROM given),
        split(rest, digits) AS (
            SELECT trim(replace(NEW.address, '::', ':' || replace(hex(zeroblob(groups)), '00', '0:')), ':') || ':', ''
            FROM missing
            UNION ALL
            SELECT substr(rest, instr(rest, ':') + 1), digits || substr('000' || substr(rest, 1, instr(rest, ':') - 1), -4)
            FROM split WHERE rest <> ''),
        whole(digits) AS (SELECT digits FROM split WHERE rest = ''),
        prefix(digits) AS (
            SELECT substr(substr(digits, 1, NEW.bits / 4)
                          || format('%x', instr('123456789abcdef', substr(digits, NEW.bits / 4 + 1, 1))
                                          >> (4 - NEW.bits % 4) << (4 - NEW.bits % 4))
                          || hex(zeroblob(16)), 1, 32)
            FROM whole),
        short(rest, text) AS (
            SELECT digits, '' FROM prefix
            UNION ALL
            SELECT substr(rest, 5), text || coalesce(nullif(ltrim(substr(rest, 1, 4), '0'), ''), '0') || ':'
            FROM short WHERE trim(rest, '0') <> '')
        SELECT format('%s "%s" has bits set behind its /%d; write "%s%s/%d"', NEW.what, NEW.given, NEW.bits, NEW.head,
                      CASE WHEN s.text = '' THEN '::' WHEN s.rest = '' THEN rtrim(s.text, ':') ELSE s.text || ':' END, NEW.bits)
        FROM whole AS w, prefix AS p, short AS s WHERE w.digits <> p.digits AND trim(s.rest, '0') = '')) NOTNULL;
END;

CREATE VIEW check_rule(policy, client, region, tier, weight) AS SELECT NULL, NULL, NULL, NULL, NULL;
CREATE TRIGGER check_rule_row INSTEAD OF INSERT ON check_rule
BEGIN
    SELECT raise(ABORT, 'rule') WHERE json_extract('{}', CASE
        WHEN NOT EXISTS (SELECT 1 FROM policy WHERE name = NEW.policy)
            THEN format('rule: there is no policy "%s"; insert it into policy first', NEW.policy)
        WHEN NOT EXISTS (SELECT 1 FROM region WHERE name = NEW.region)
            THEN format('rule: there is no region "%s"; insert it into region first', NEW.region)
        WHEN NEW.tier NOT BETWEEN 1 AND 1000000
            THEN format('rule: tier %s of "%s" is not 1 or more; 1 is tried first', NEW.tier, NEW.client)
        WHEN NEW.weight NOT BETWEEN 0 AND 1000000
            THEN format('rule: weight %s of "%s" is outside 0 to 1000000', NEW.weight, NEW.client)
        WHEN NEW.client GLOB 'continent:*' AND substr(NEW.client, 11) NOT IN ('AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA')
            THEN format('rule: client "%s" is not a continent; write AF, AN, AS, EU, NA, OC or SA', NEW.client)
        WHEN NEW.client GLOB 'country:*' AND NEW.client NOT GLOB 'country:[A-Z][A-Z]'
            THEN format('rule: client "%s" is not a country; write two capital letters, such as country:DE',
                        NEW.client)
        -- Codes of the European Union that geo databases and ISO 3166 do not have.
        WHEN NEW.client IN ('country:UK', 'country:EL')
            THEN format('rule: client "%s" is not in ISO 3166, so it would match nobody; write "country:%s"', NEW.client,
                        iif(NEW.client = 'country:UK', 'GB', 'GR'))
        WHEN NEW.client GLOB 'subdivision:*' AND NEW.client NOT GLOB 'subdivision:[A-Z][A-Z]-[A-Z0-9]'
         AND NEW.client NOT GLOB 'subdivision:[A-Z][A-Z]-[A-Z0-9][A-Z0-9]'
         AND NEW.client NOT GLOB 'subdivision:[A-Z][A-Z]-[A-Z0-9][A-Z0-9][A-Z0-9]'
            THEN format('rule: client "%s" is not a subdivision; write its ISO 3166-2 code, such as subdivision:US-CA',
                        NEW.client)
        WHEN NEW.client GLOB 'asn:*' AND (NEW.client NOT GLOB 'asn:[1-9]*' OR substr(NEW.client, 5) GLOB '*[^0-9]*'
                                          OR CAST(substr(NEW.client, 5) AS INTEGER) > 4294967295)
            THEN format('rule: client "%s" is not an AS number; write 1 to 4294967295, such as asn:64500',
                        NEW.client)
        WHEN NEW.client GLOB 'net:*' AND (NEW.client NOT GLOB 'net:*[:.]*/[0-9]*'
             OR substr(NEW.client, 5, instr(NEW.client, '/') - 5) GLOB '*[^0-9a-f:.]*'
             OR substr(NEW.client, instr(NEW.client, '/') + 1) GLOB '*[^0-9]*'
             OR substr(NEW.client, instr(NEW.client, '/') + 1) GLOB '0[0-9]*'
             OR CAST(substr(NEW.client, instr(NEW.client, '/') + 1) AS INTEGER)
                > iif(instr(substr(NEW.client, 5), ':') > 0, 128, 32))
            THEN format('rule: client "%s" is not a network; write ADDRESS/BITS, such as net:192.0.2.0/24',
                        NEW.client)
        WHEN NEW.client IS NULL OR NEW.client <> 'default' AND NEW.client NOT GLOB 'continent:*' AND NEW.client NOT GLOB 'country:*'
         AND NEW.client NOT GLOB 'subdivision:*' AND NEW.client NOT GLOB 'asn:*' AND NEW.client NOT GLOB 'net:*'
            THEN format('rule: client "%s" is not default, continent:EU, country:DE, subdivision:US-CA, asn:64500 or net:192.0.2.0/24',
                        NEW.client)
    END) NOTNULL;
END;
CREATE TRIGGER check_rule_net INSTEAD OF INSERT ON check_rule
WHEN NEW.client GLOB 'net:*[:.]*/[0-9]*'
BEGIN
    INSERT INTO check_address VALUES ('rule', 'client', substr(NEW.client, 5, instr(NEW.client, '/') - 5));
    INSERT INTO check_net VALUES ('rule: client', 'net:', NEW.client, substr(NEW.client, 5, instr(NEW.client, '/') - 5),
                                  CAST(substr(NEW.client, instr(NEW.client, '/') + 1) AS INTEGER));
END;

-- At most POLICY_RULES_MAX. They are counted only where there might be as many: each row would go through all others.
CREATE VIEW check_rule_count(policy, client, region) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_rule_count_row INSTEAD OF INSERT ON check_rule_count
BEGIN
    UPDATE rule_count SET rules = (SELECT count(*) FROM rule WHERE policy = NEW.policy)
    WHERE policy = NEW.policy AND rules >= 65536;
    SELECT raise(ABORT, 'rule') WHERE json_extract('{}', CASE
        WHEN (SELECT rules FROM rule_count WHERE policy = NEW.policy) >= 65536
         AND NOT EXISTS (SELECT 1 FROM rule WHERE policy = NEW.policy AND client = NEW.client AND region = NEW.region)
            THEN format('rule: client "%s" of policy "%s" would be the 65537th; a policy holds at most 65536 rules',
                        NEW.client, NEW.policy)
    END) NOTNULL;
END;

CREATE TRIGGER rule_before_insert BEFORE INSERT ON rule
BEGIN
    INSERT INTO check_rule VALUES (NEW.policy, NEW.client, NEW.region, NEW.tier, NEW.weight);
    INSERT INTO check_rule_count VALUES (NEW.policy, NEW.client, NEW.region);
END;

CREATE TRIGGER rule_before_update BEFORE UPDATE ON rule
BEGIN
    INSERT INTO check_rule VALUES (NEW.policy, NEW.client, NEW.region, NEW.tier, NEW.weight);
END;

CREATE TRIGGER rule_before_move BEFORE UPDATE OF policy ON rule
WHEN NEW.policy <> OLD.policy
BEGIN
    INSERT INTO check_rule_count VALUES (NEW.policy, NEW.client, NEW.region);
END;

-- No upsert: the conflict clause of the statement that brought us here would take its place.
CREATE TRIGGER rule_after_insert AFTER INSERT ON rule
BEGIN
    INSERT INTO rule_count SELECT NEW.policy, 0 WHERE NOT EXISTS (SELECT 1 FROM rule_count WHERE policy = NEW.policy);
    UPDATE rule_count SET rules = rules + 1 WHERE policy = NEW.policy;
END;

CREATE TRIGGER rule_after_delete AFTER DELETE ON rule
BEGIN
    UPDATE rule_count SET rules = rules - 1 WHERE policy = OLD.policy;
END;

CREATE TRIGGER rule_after_move AFTER UPDATE OF policy ON rule
WHEN NEW.policy <> OLD.policy
BEGIN
    INSERT INTO rule_count SELECT NEW.policy, 0 WHERE NOT EXISTS (SELECT 1 FROM rule_count WHERE policy = NEW.policy);
    UPDATE rule_count SET rules = rules + 1 WHERE policy = NEW.policy;
    UPDATE rule_count SET rules = rules - 1 WHERE policy = OLD.policy;
END;

CREATE TRIGGER policy_after_delete AFTER DELETE ON policy
BEGIN
    DELETE FROM rule_count WHERE policy = OLD.name;
END;

-- service -------------------------------------------------------------------------------------------------------------

CREATE VIEW check_service(name, policy, monitor, ttl, answers, sticky, all_down, panic_below) AS
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;
CREATE TRIGGER check_service_row INSTEAD OF INSERT ON check_service
BEGIN
    SELECT raise(ABORT, 'service') WHERE json_extract('{}', CASE
        WHEN NOT EXISTS (SELECT 1 FROM policy WHERE name = NEW.policy)
            THEN iif(NEW.policy IS NULL, format('service: "%s" has no policy; name one of the table policy', NEW.name),
                     format('service: there is no policy "%s"; insert it into policy first', NEW.policy))
        WHEN NEW.monitor IS NOT NULL AND NOT EXISTS (SELECT 1 FROM monitor WHERE name = NEW.monitor)
            THEN format('service: there is no monitor "%s"; insert it into monitor first', NEW.monitor)
        WHEN NEW.ttl NOT BETWEEN 0 AND 2147483647
            THEN format('service: ttl %s of "%s" is outside 0 to 2147483647', NEW.ttl, NEW.name)
        WHEN NEW.answers NOT BETWEEN 0 AND 65535
            THEN format('service: answers %s of "%s" is outside 0 to 65535; 0 hands out all', NEW.answers, NEW.name)
        WHEN coalesce(NEW.sticky, '') NOT IN ('none', 'client')
            THEN format('service: sticky "%s" of "%s" is neither none nor client', NEW.sticky, NEW.name)
        WHEN coalesce(NEW.all_down, '') NOT IN ('serve_all', 'nodata', 'servfail')
            THEN format('service: all_down "%s" of "%s" is not one of serve_all, nodata and servfail',
                        NEW.all_down, NEW.name)
        WHEN NEW.panic_below NOT BETWEEN 0 AND 1
            THEN format('service: panic_below %s of "%s" is a share of weight; give 0 to 1',
                        NEW.panic_below, NEW.name)
    END) NOTNULL;
END;

CREATE TRIGGER service_before_insert BEFORE INSERT ON service
BEGIN
    INSERT INTO check_name VALUES ('service', 'name', NEW.name);
    SELECT raise(ABORT, 'service') WHERE json_extract('{}', (
        WITH RECURSIVE up(name, below) AS (
            SELECT NEW.name, '@'
            UNION ALL
            SELECT iif(instr(name, '.') > 0, substr(name, instr(name, '.') + 1), '.'),
                   iif(below = '@', '', below || '.') || substr(name, 1, instr(name || '.', '.') - 1)
            FROM up WHERE name <> '.')
        SELECT CASE
            WHEN max(z.name) IS NULL
                THEN format('service: there is no zone for "%s"; insert one that it is in, such as "%s", into zone first',
                            NEW.name, substr(NEW.name, instr(NEW.name, '.') + 1))
            WHEN max(r.type) IS NOT NULL
                THEN format('service: there is already a record "%s" of type %s in zone "%s"; delete it from record first',
                            r.name, r.type, r.zone)
            END
        FROM up
        LEFT JOIN zone AS z ON z.name = up.name
        LEFT JOIN record AS r ON r.zone = z.name AND r.name = up.below AND r.type IN ('A', 'AAAA', 'CNAME'))) NOTNULL;
    INSERT INTO check_service VALUES (NEW.name, NEW.policy, NEW.monitor, NEW.ttl, NEW.answers, NEW.sticky,
            NEW.all_down, NEW.panic_below);
END;

CREATE TRIGGER service_before_update BEFORE UPDATE ON service
BEGIN
    SELECT raise(ABORT, 'service') WHERE json_extract('{}', CASE WHEN NEW.name <> OLD.name
        THEN format('service: "%s" cannot be renamed; insert "%s" with its pools and endpoints and delete this one',
                    OLD.name, NEW.name)
    END) NOTNULL;
    INSERT INTO check_service VALUES (NEW.name, NEW.policy, NEW.monitor, NEW.ttl, NEW.answers, NEW.sticky,
            NEW.all_down, NEW.panic_below);
END;

CREATE TRIGGER service_before_delete BEFORE DELETE ON service
BEGIN
    SELECT raise(ABORT, 'service') WHERE json_extract('{}', CASE
        WHEN EXISTS (SELECT 1 FROM pool WHERE service = OLD.name)
            THEN format('service: "%s" still has a pool in "%s"; delete its rows from endpoint and then from pool first',
                        OLD.name,
                        (SELECT region FROM pool WHERE service = OLD.name LIMIT 1))
    END) NOTNULL;
END;

-- pool ----------------------------------------------------------------------------------------------------------------

CREATE VIEW check_pool(service, region, weight, min_up) AS SELECT NULL, NULL, NULL, NULL;
CREATE TRIGGER check_pool_row INSTEAD OF INSERT ON check_pool
BEGIN
    SELECT raise(ABORT, 'pool') WHERE json_extract('{}', CASE
        WHEN NOT EXISTS (SELECT 1 FROM service WHERE name = NEW.service)
            THEN format('pool: there is no service "%s"; insert it into service first', NEW.service)
        WHEN NOT EXISTS (SELECT 1 FROM region WHERE name = NEW.region)
            THEN format('pool: there is no region "%s"; insert it into region first', NEW.region)
        WHEN NEW.weight NOT BETWEEN 0 AND 1000000
            THEN format('pool: weight %s of "%s" in "%s" is outside 0 to 1000000',
                        NEW.weight, NEW.service, NEW.region)
        WHEN NEW.min_up NOT BETWEEN 1 AND 65535
            THEN format('pool: min_up %s of "%s" in "%s" is not 1 or more', NEW.min_up, NEW.service, NEW.region)
    END) NOTNULL;
END;

CREATE TRIGGER pool_before_insert BEFORE INSERT ON pool
BEGIN
    INSERT INTO check_pool VALUES (NEW.service, NEW.region, NEW.weight, NEW.min_up);
    INSERT INTO check_state VALUES ('pool', NEW.service || ' ' || NEW.region, NEW.state, NEW.until);
END;

CREATE TRIGGER pool_before_update BEFORE UPDATE ON pool
BEGIN
    SELECT raise(ABORT, 'pool') WHERE json_extract('{}', CASE WHEN NEW.service <> OLD.service OR NEW.region <> OLD.region
        THEN format('pool: "%s" in "%s" cannot be moved; insert the new pool, move the endpoints there and delete this one',
                    OLD.service, OLD.region)
    END) NOTNULL;
    INSERT INTO check_pool VALUES (NEW.service, NEW.region, NEW.weight, NEW.min_up);
    INSERT INTO check_state VALUES ('pool', NEW.service || ' ' || NEW.region, NEW.state, NEW.until);
END;

CREATE TRIGGER pool_before_delete BEFORE DELETE ON pool
BEGIN
    SELECT raise(ABORT, 'pool') WHERE json_extract('{}', CASE
        WHEN EXISTS (SELECT 1 FROM endpoint WHERE service = OLD.service AND region = OLD.region)
            THEN format('pool: "%s" in "%s" still has endpoint "%s"; delete its rows from endpoint first',
                        OLD.service, OLD.region,
                        (SELECT address FROM endpoint WHERE service = OLD.service AND region = OLD.region LIMIT 1))
    END) NOTNULL;
END;

-- endpoint ------------------------------------------------------------------------------------------------------------

CREATE VIEW check_endpoint(service, region, address, weight) AS SELECT NULL, NULL, NULL, NULL;
CREATE TRIGGER check_endpoint_row INSTEAD OF INSERT ON check_endpoint
BEGIN
    SELECT raise(ABORT, 'endpoint') WHERE json_extract('{}', CASE
        WHEN NOT EXISTS (SELECT 1 FROM service WHERE name = NEW.service)
            THEN format('endpoint: there is no service "%s"; insert it into service first', NEW.service)
        WHEN NOT EXISTS (SELECT 1 FROM region WHERE name = NEW.region)
            THEN format('endpoint: there is no region "%s"; insert it into region first', NEW.region)
        WHEN NOT EXISTS (SELECT 1 FROM pool WHERE service = NEW.service AND region = NEW.region)
            THEN format('endpoint: service "%s" has no pool in "%s"; insert it into pool first',
                        NEW.service, NEW.region)
        WHEN coalesce(NEW.address, '') = ''
            THEN format('endpoint: address of "%s" in "%s" is empty; give an address or a host name',
                        NEW.service, NEW.region)
        WHEN NEW.weight NOT BETWEEN 0 AND 1000000
            THEN format('endpoint: weight %s of "%s" is outside 0 to 1000000', NEW.weight, NEW.address)
    END) NOTNULL;
END;
CREATE TRIGGER check_endpoint_host INSTEAD OF INSERT ON check_endpoint
WHEN NEW.address GLOB '*[^0-9.]*' AND instr(NEW.address, ':') = 0
BEGIN
    SELECT raise(ABORT, 'endpoint') WHERE json_extract('{}', CASE
        WHEN NEW.address = NEW.service
            THEN format('endpoint: "%s" cannot be an endpoint of itself', NEW.service)
        WHEN EXISTS (SELECT 1 FROM zone WHERE name = NEW.service)
            THEN format('endpoint: "%s" is a zone, so a host name (a CNAME) cannot stand there; give addresses',
                        NEW.service)
        WHEN EXISTS (SELECT 1 FROM service_zone AS h JOIN record AS r
                     ON r.zone = h.zone
                        AND r.name = iif(h.zone = '.', h.service, substr(h.service, 1, length(h.service) - length(h.zone) - 1))
                     WHERE h.service = NEW.service)
            THEN format('endpoint: "%s" has records, and a host name (a CNAME) cannot stand beside them; delete them from record first',
                        NEW.service)
    END) NOTNULL;
END;

CREATE TRIGGER endpoint_before_insert BEFORE INSERT ON endpoint
BEGIN
    INSERT INTO check_endpoint VALUES (NEW.service, NEW.region, NEW.address, NEW.weight);
    INSERT INTO check_address VALUES ('endpoint', 'address', NEW.address), ('endpoint', 'check_address',
            NEW.check_address);
    INSERT INTO check_state VALUES ('endpoint', NEW.address, NEW.state, NEW.until);
END;

CREATE TRIGGER endpoint_before_update BEFORE UPDATE ON endpoint
BEGIN
    INSERT INTO check_endpoint VALUES (NEW.service, NEW.region, NEW.address, NEW.weight);
    INSERT INTO check_address VALUES ('endpoint', 'address', NEW.address), ('endpoint', 'check_address',
            NEW.check_address);
    INSERT INTO check_state VALUES ('endpoint', NEW.address, NEW.state, NEW.until);
END;

-- vantage -------------------------------------------------------------------------------------------------------------

-- `known` is the name that the row has so far.
CREATE VIEW check_vantage(name, known, public_key, asn, enabled) AS SELECT NULL, NULL, NULL, NULL, NULL;
CREATE TRIGGER check_vantage_row INSTEAD OF INSERT ON check_vantage
BEGIN
    SELECT raise(ABORT, 'vantage') WHERE json_extract('{}', CASE
        -- 32 bytes are 43 characters and one "="; the last holds four bits.
        WHEN length(coalesce(NEW.public_key, '')) <> 44 OR substr(NEW.public_key, 1, 43) GLOB '*[^A-Za-z0-9+/]*'
          OR NEW.public_key NOT GLOB '*[AEIMQUYcgkosw048]='
            THEN format('vantage: public_key of "%s" is not 32 bytes in base64 (44 characters); gslbctl vantage add makes one',
                        NEW.name)
        WHEN EXISTS (SELECT 1 FROM vantage WHERE public_key = NEW.public_key AND name <> NEW.known)
            THEN format('vantage: "%s" has the public_key of "%s"; each needs its own', NEW.name,
                        (SELECT name FROM vantage WHERE public_key = NEW.public_key AND name <> NEW.known))
        WHEN NEW.asn NOT BETWEEN 1 AND 4294967295
            THEN format('vantage: asn %s of "%s" is outside 1 to 4294967295', NEW.asn, NEW.name)
        WHEN NEW.enabled NOT IN (0, 1)
            THEN format('vantage: enabled %s of "%s" is neither 0 nor 1', NEW.enabled, NEW.name)
    END) NOTNULL;
END;

CREATE TRIGGER vantage_before_insert BEFORE INSERT ON vantage
BEGIN
    -- At most TALLY_VANTAGES_MAX.
    SELECT raise(ABORT, 'vantage') WHERE json_extract('{}', CASE
        WHEN (SELECT count(*) FROM vantage WHERE name <> NEW.name) >= 64
            THEN format('vantage: "%s" would be the 65th; a store holds at most 64 vantage points, disabled ones too',
                        NEW.name)
    END) NOTNULL;
    INSERT INTO check_label VALUES ('vantage', NEW.name);
    INSERT INTO check_place VALUES ('vantage', NEW.name, NEW.latitude, NEW.longitude);
    INSERT INTO check_vantage VALUES (NEW.name, NEW.name, NEW.public_key, NEW.asn, NEW.enabled);
END;

CREATE TRIGGER vantage_before_update BEFORE UPDATE ON vantage
BEGIN
    INSERT INTO check_label VALUES ('vantage', NEW.name);
    INSERT INTO check_place VALUES ('vantage', NEW.name, NEW.latitude, NEW.longitude);
    INSERT INTO check_vantage VALUES (NEW.name, OLD.name, NEW.public_key, NEW.asn, NEW.enabled);
END;

-- transfer, notify, tsig_key ------------------------------------------------------------------------------------------

-- A key that a row of `tbl` wants.
CREATE VIEW check_key(tbl, zone, key) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_key_row INSTEAD OF INSERT ON check_key
BEGIN
    SELECT raise(ABORT, 'key') WHERE json_extract('{}', CASE
        WHEN NOT EXISTS (SELECT 1 FROM zone WHERE name = NEW.zone)
            THEN format('%s: there is no zone "%s"; insert it into zone first', NEW.tbl, NEW.zone)
        WHEN NEW.key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tsig_key WHERE name = NEW.key)
            THEN format('%s: there is no key "%s"; insert it into tsig_key first', NEW.tbl, NEW.key)
    END) NOTNULL;
END;

CREATE VIEW check_transfer(zone, net, key) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_transfer_row INSTEAD OF INSERT ON check_transfer
BEGIN
    INSERT INTO check_key VALUES ('transfer', NEW.zone, NEW.key);
    SELECT raise(ABORT, 'transfer') WHERE json_extract('{}', CASE
        WHEN NEW.net IS NULL AND NEW.key IS NULL
            THEN format('transfer: "%s" would be open to everybody; give a net, a key, or both', NEW.zone)
        WHEN NEW.net NOT GLOB '*[:.]*' OR NEW.net GLOB '*[^0-9a-f:./]*' OR NEW.net GLOB '*/*'
             AND (NEW.net NOT GLOB '*/[0-9]*' OR substr(NEW.net, instr(NEW.net, '/') + 1) GLOB '*[^0-9]*'
                  OR substr(NEW.net, instr(NEW.net, '/') + 1) GLOB '0[0-9]*'
                  OR CAST(substr(NEW.net, instr(NEW.net, '/') + 1) AS INTEGER) > iif(instr(NEW.net, ':') > 0, 128, 32))
            THEN format('transfer: net "%s" is not a network; write ADDRESS or ADDRESS/BITS, such as 192.0.2.0/24', NEW.net)
    END) NOTNULL;
    INSERT INTO check_address VALUES ('transfer', 'net', substr(NEW.net, 1, instr(NEW.net || '/', '/') - 1));
    INSERT INTO check_net
    SELECT 'transfer: net', '', NEW.net, substr(NEW.net, 1, instr(NEW.net, '/') - 1),
           CAST(substr(NEW.net, instr(NEW.net, '/') + 1) AS INTEGER)
    WHERE instr(NEW.net, '/') > 0;
END;

CREATE TRIGGER transfer_before_insert BEFORE INSERT ON transfer
BEGIN
    INSERT INTO check_transfer VALUES (NEW.zone, NEW.net, NEW.key);
END;

CREATE TRIGGER transfer_before_update BEFORE UPDATE ON transfer
BEGIN
    INSERT INTO check_transfer VALUES (NEW.zone, NEW.net, NEW.key);
END;

CREATE VIEW check_notify(zone, address, port, key) AS SELECT NULL, NULL, NULL, NULL;
CREATE TRIGGER check_notify_row INSTEAD OF INSERT ON check_notify
BEGIN
    INSERT INTO check_key VALUES ('notify', NEW.zone, NEW.key);
    SELECT raise(ABORT, 'notify') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.address, '') NOT GLOB '*[:.]*' OR NEW.address GLOB '*[^0-9a-fA-F:.]*'
            THEN format('notify: address "%s" of "%s" is not an address; write one such as 192.0.2.1', NEW.address, NEW.zone)
        WHEN NEW.port NOT BETWEEN 1 AND 65535
            THEN format('notify: port %s of "%s" is outside 1 to 65535', NEW.port, NEW.address)
    END) NOTNULL;
    INSERT INTO check_address VALUES ('notify', 'address', NEW.address);
END;

CREATE TRIGGER notify_before_insert BEFORE INSERT ON notify
BEGIN
    INSERT INTO check_notify VALUES (NEW.zone, NEW.address, NEW.port, NEW.key);
END;

CREATE TRIGGER notify_before_update BEFORE UPDATE ON notify
BEGIN
    INSERT INTO check_notify VALUES (NEW.zone, NEW.address, NEW.port, NEW.key);
END;

-- The secret stands in no sentence.
CREATE VIEW check_tsig_key(name, algorithm, secret) AS SELECT NULL, NULL, NULL;
CREATE TRIGGER check_tsig_key_row INSTEAD OF INSERT ON check_tsig_key
BEGIN
    SELECT raise(ABORT, 'tsig_key') WHERE json_extract('{}', CASE
        WHEN coalesce(NEW.algorithm, '') NOT IN ('hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512')
            THEN format('tsig_key: algorithm "%s" of "%s" is not one of hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha224 and hmac-sha1',
                        NEW.algorithm, NEW.name)
        WHEN length(coalesce(NEW.secret, '')) % 4 <> 0 OR rtrim(NEW.secret, '=') GLOB '*[^A-Za-z0-9+/]*'
          OR length(NEW.secret) - length(rtrim(NEW.secret, '=')) > 2
          -- The last character before "=" holds four bits, before "==" two.
          OR NEW.secret GLOB '*[^=]=' AND NEW.secret NOT GLOB '*[AEIMQUYcgkosw048]='
          OR NEW.secret GLOB '*==' AND NEW.secret NOT GLOB '*[AQgw]=='
            THEN format('tsig_key: secret of "%s" is not base64; make one with: openssl rand -base64 32', NEW.name)
        WHEN length(rtrim(coalesce(NEW.secret, ''), '=')) NOT BETWEEN 22 AND 342
            THEN format('tsig_key: secret of "%s" has not 16 to 256 bytes; make one with: openssl rand -base64 32', NEW.name)
    END) NOTNULL;
END;

CREATE TRIGGER tsig_key_before_insert BEFORE INSERT ON tsig_key
BEGIN
    INSERT INTO check_name VALUES ('tsig_key', 'name', NEW.name);
    INSERT INTO check_tsig_key VALUES (NEW.name, NEW.algorithm, NEW.secret);
END;

CREATE TRIGGER tsig_key_before_update BEFORE UPDATE ON tsig_key
BEGIN
    SELECT raise(ABORT, 'tsig_key') WHERE json_extract('{}', CASE WHEN NEW.name <> OLD.name
        THEN format('tsig_key: "%s" cannot be renamed; insert "%s", move transfer and notify there and delete this one',
                    OLD.name, NEW.name)
    END) NOTNULL;
    INSERT INTO check_tsig_key VALUES (NEW.name, NEW.algorithm, NEW.secret);
END;

CREATE TRIGGER tsig_key_before_delete BEFORE DELETE ON tsig_key
BEGIN
    SELECT raise(ABORT, 'tsig_key') WHERE json_extract('{}', CASE
        WHEN EXISTS (SELECT 1 FROM transfer WHERE key = OLD.name)
            THEN format('tsig_key: "%s" is still needed to copy "%s"; delete it from transfer first', OLD.name,
                        (SELECT zone FROM transfer WHERE key = OLD.name LIMIT 1))
        WHEN EXISTS (SELECT 1 FROM notify WHERE key = OLD.name)
            THEN format('tsig_key: "%s" still signs what "%s" is told; delete it from notify first', OLD.name,
                        (SELECT address FROM notify WHERE key = OLD.name LIMIT 1))
    END) NOTNULL;
END;

-- Serials -------------------------------------------------------------------------------------------------------------
--
-- A zone's serial becomes max(serial + 1, unix time) when the zone, its records or its services with their pools and endpoints
-- change. Not for state, until and note: those take effect at once, without a new zone. It wraps at 2^32 (RFC 1982). A zone that
-- comes back goes on from the serial that it had, so that its secondaries follow.

-- A trigger cannot tell a REPLACE from an upsert, which leaves its row here; each insert looks anew.
CREATE TRIGGER zone_serial_before_insert BEFORE INSERT ON zone
WHEN EXISTS (SELECT 1 FROM zone WHERE name = NEW.name)
BEGIN
    DELETE FROM zone_replaced WHERE name = NEW.name;
    INSERT INTO zone_replaced SELECT name, serial FROM zone WHERE name = NEW.name;
END;
CREATE TRIGGER zone_serial_insert AFTER INSERT ON zone
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch(), coalesce(
        (SELECT (serial + 1) % 4294967296 FROM zone_replaced WHERE name = NEW.name),
        (SELECT (before ->> 'serial' + 1) % 4294967296 FROM audit
         WHERE tbl = 'zone' AND op = 'delete' AND key = NEW.name ORDER BY seq DESC LIMIT 1), 0))
    WHERE name = NEW.name;
    DELETE FROM zone_replaced WHERE name = NEW.name;
END;
CREATE TRIGGER zone_serial_delete AFTER DELETE ON zone
BEGIN
    DELETE FROM zone_replaced WHERE name = OLD.name;
END;
-- The services below a new zone are no longer in the zone around it.
CREATE TRIGGER zone_serial_around AFTER INSERT ON zone
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (WITH RECURSIVE up(name) AS (
                      SELECT NEW.name
                      UNION ALL
                      SELECT iif(instr(name, '.') > 0, substr(name, instr(name, '.') + 1), '.') FROM up WHERE name <> '.')
                  SELECT z.name FROM up JOIN zone AS z ON z.name = up.name WHERE z.name <> NEW.name
                  ORDER BY z.name = '.', length(z.name) DESC LIMIT 1)
      AND EXISTS (SELECT 1 FROM service AS s
                  WHERE s.name = NEW.name OR substr(s.name, -length(NEW.name) - 1) = '.' || NEW.name);
END;
CREATE TRIGGER zone_serial_update AFTER UPDATE OF name, mname, rname, ttl, negative_ttl, refresh, retry, expire ON zone
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch()) WHERE name = NEW.name;
END;

CREATE TRIGGER record_serial_insert AFTER INSERT ON record
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch()) WHERE name = NEW.zone;
END;
CREATE TRIGGER record_serial_update AFTER UPDATE ON record
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch()) WHERE name IN (OLD.zone, NEW.zone);
END;
CREATE TRIGGER record_serial_delete AFTER DELETE ON record
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch()) WHERE name = OLD.zone;
END;

CREATE TRIGGER service_serial_insert AFTER INSERT ON service
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = NEW.name);
END;
CREATE TRIGGER service_serial_update AFTER UPDATE ON service
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = NEW.name);
END;
CREATE TRIGGER service_serial_delete BEFORE DELETE ON service
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = OLD.name);
END;

CREATE TRIGGER pool_serial_insert AFTER INSERT ON pool
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = NEW.service);
END;
CREATE TRIGGER pool_serial_update AFTER UPDATE OF service, region, weight, min_up ON pool
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = NEW.service);
END;
CREATE TRIGGER pool_serial_delete BEFORE DELETE ON pool
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = OLD.service);
END;

CREATE TRIGGER endpoint_serial_insert AFTER INSERT ON endpoint
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = NEW.service);
END;
CREATE TRIGGER endpoint_serial_update AFTER UPDATE OF service, region, address, weight, check_address ON endpoint
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name IN (SELECT zone FROM service_zone WHERE service IN (OLD.service, NEW.service));
END;
CREATE TRIGGER endpoint_serial_delete BEFORE DELETE ON endpoint
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name = (SELECT zone FROM service_zone WHERE service = OLD.service);
END;

-- A secondary is given a service as what `default` clients get, so these rules are part of a zone that is copied.
CREATE TRIGGER rule_serial_insert AFTER INSERT ON rule WHEN NEW.client = 'default'
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name IN (SELECT zone FROM transfer)
      AND name IN (SELECT zone FROM service_zone WHERE service IN (SELECT name FROM service WHERE policy = NEW.policy));
END;
CREATE TRIGGER rule_serial_update AFTER UPDATE ON rule WHEN 'default' IN (OLD.client, NEW.client)
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name IN (SELECT zone FROM transfer)
      AND name IN (SELECT zone FROM service_zone
                   WHERE service IN (SELECT name FROM service WHERE policy IN (OLD.policy, NEW.policy)));
END;
CREATE TRIGGER rule_serial_delete AFTER DELETE ON rule WHEN OLD.client = 'default'
BEGIN
    UPDATE zone SET serial = max((serial + 1) % 4294967296, unixepoch())
    WHERE name IN (SELECT zone FROM transfer)
      AND name IN (SELECT zone FROM service_zone WHERE service IN (SELECT name FROM service WHERE policy = OLD.policy));
END;

-- Audit ---------------------------------------------------------------------------------------------------------------
--
-- Every change of a row of the other tables, as it was and as it is. INSERT OR REPLACE is an insert here, whatever it replaced.

CREATE TRIGGER zone_audit_insert AFTER INSERT ON zone
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'zone', NEW.name,
        json_object('name', NEW.name, 'mname', NEW.mname, 'rname', NEW.rname, 'ttl', NEW.ttl, 'negative_ttl',
                    NEW.negative_ttl, 'refresh', NEW.refresh, 'retry', NEW.retry, 'expire', NEW.expire,
                    'serial', NEW.serial));
END;
-- A serial that moves by itself is no change of the operator's; one that is set is.
CREATE TRIGGER zone_audit_update AFTER UPDATE OF name, mname, rname, ttl, negative_ttl, refresh, retry, expire ON zone
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'zone', OLD.name,
        json_object('name', OLD.name, 'mname', OLD.mname, 'rname', OLD.rname, 'ttl', OLD.ttl, 'negative_ttl',
                    OLD.negative_ttl, 'refresh', OLD.refresh, 'retry', OLD.retry, 'expire', OLD.expire,
                    'serial', OLD.serial),
        json_object('name', NEW.name, 'mname', NEW.mname, 'rname', NEW.rname, 'ttl', NEW.ttl, 'negative_ttl',
                    NEW.negative_ttl, 'refresh', NEW.refresh, 'retry', NEW.retry, 'expire', NEW.expire,
                    'serial', NEW.serial));
END;
CREATE TRIGGER zone_audit_serial AFTER UPDATE OF serial ON zone
WHEN NEW.serial <> OLD.serial AND NEW.serial <> max((OLD.serial + 1) % 4294967296, unixepoch())
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'zone', OLD.name,
        json_object('serial', OLD.serial), json_object('serial', NEW.serial));
END;
CREATE TRIGGER zone_audit_delete AFTER DELETE ON zone
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'zone', OLD.name,
        json_object('name', OLD.name, 'mname', OLD.mname, 'rname', OLD.rname, 'ttl', OLD.ttl, 'negative_ttl',
                    OLD.negative_ttl, 'refresh', OLD.refresh, 'retry', OLD.retry, 'expire', OLD.expire,
                    'serial', OLD.serial));
END;

CREATE TRIGGER record_audit_insert AFTER INSERT ON record
BEGIN
    INSERT INTO audit(at, op, tbl, key, after)
    VALUES (unixepoch(), 'insert', 'record', NEW.zone || ' ' || NEW.name || ' ' || NEW.type || ' ' || NEW.data,
        json_object('zone', NEW.zone, 'name', NEW.name, 'type', NEW.type, 'ttl', NEW.ttl, 'data', NEW.data));
END;
CREATE TRIGGER record_audit_update AFTER UPDATE ON record
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after)
    VALUES (unixepoch(), 'update', 'record', OLD.zone || ' ' || OLD.name || ' ' || OLD.type || ' ' || OLD.data,
        json_object('zone', OLD.zone, 'name', OLD.name, 'type', OLD.type, 'ttl', OLD.ttl, 'data', OLD.data),
        json_object('zone', NEW.zone, 'name', NEW.name, 'type', NEW.type, 'ttl', NEW.ttl, 'data', NEW.data));
END;
CREATE TRIGGER record_audit_delete AFTER DELETE ON record
BEGIN
    INSERT INTO audit(at, op, tbl, key, before)
    VALUES (unixepoch(), 'delete', 'record', OLD.zone || ' ' || OLD.name || ' ' || OLD.type || ' ' || OLD.data,
        json_object('zone', OLD.zone, 'name', OLD.name, 'type', OLD.type, 'ttl', OLD.ttl, 'data', OLD.data));
END;

CREATE TRIGGER region_audit_insert AFTER INSERT ON region
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'region', NEW.name,
        json_object('name', NEW.name, 'latitude', NEW.latitude, 'longitude', NEW.longitude, 'state', NEW.state,
                    'until', NEW.until, 'note', NEW.note, 'monitor', NEW.monitor, 'target', NEW.target));
END;
CREATE TRIGGER region_audit_update AFTER UPDATE ON region
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'region', OLD.name,
        json_object('name', OLD.name, 'latitude', OLD.latitude, 'longitude', OLD.longitude, 'state', OLD.state,
                    'until', OLD.until, 'note', OLD.note, 'monitor', OLD.monitor, 'target', OLD.target),
        json_object('name', NEW.name, 'latitude', NEW.latitude, 'longitude', NEW.longitude, 'state', NEW.state,
                    'until', NEW.until, 'note', NEW.note, 'monitor', NEW.monitor, 'target', NEW.target));
END;
CREATE TRIGGER region_audit_delete AFTER DELETE ON region
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'region', OLD.name,
        json_object('name', OLD.name, 'latitude', OLD.latitude, 'longitude', OLD.longitude, 'state', OLD.state,
                    'until', OLD.until, 'note', OLD.note, 'monitor', OLD.monitor, 'target', OLD.target));
END;

CREATE TRIGGER monitor_audit_insert AFTER INSERT ON monitor
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'monitor', NEW.name,
        json_object('name', NEW.name, 'type', NEW.type, 'port', NEW.port, 'host', NEW.host, 'path', NEW.path,
                    'method', NEW.method, 'expect_status', NEW.expect_status, 'expect_body', NEW.expect_body,
                    'tls_verify', NEW.tls_verify, 'interval_s', NEW.interval_s, 'timeout_s', NEW.timeout_s,
                    'fall', NEW.fall, 'rise', NEW.rise, 'latency_max_ms', NEW.latency_max_ms, 'quorum',
                    NEW.quorum));
END;
CREATE TRIGGER monitor_audit_update AFTER UPDATE ON monitor
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'monitor', OLD.name,
        json_object('name', OLD.name, 'type', OLD.type, 'port', OLD.port, 'host', OLD.host, 'path', OLD.path,
                    'method', OLD.method, 'expect_status', OLD.expect_status, 'expect_body', OLD.expect_body,
                    'tls_verify', OLD.tls_verify, 'interval_s', OLD.interval_s, 'timeout_s', OLD.timeout_s,
                    'fall', OLD.fall, 'rise', OLD.rise, 'latency_max_ms', OLD.latency_max_ms, 'quorum',
                    OLD.quorum),
        json_object('name', NEW.name, 'type', NEW.type, 'port', NEW.port, 'host', NEW.host, 'path', NEW.path,
                    'method', NEW.method, 'expect_status', NEW.expect_status, 'expect_body', NEW.expect_body,
                    'tls_verify', NEW.tls_verify, 'interval_s', NEW.interval_s, 'timeout_s', NEW.timeout_s,
                    'fall', NEW.fall, 'rise', NEW.rise, 'latency_max_ms', NEW.latency_max_ms, 'quorum',
                    NEW.quorum));
END;
CREATE TRIGGER monitor_audit_delete AFTER DELETE ON monitor
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'monitor', OLD.name,
        json_object('name', OLD.name, 'type', OLD.type, 'port', OLD.port, 'host', OLD.host, 'path', OLD.path,
                    'method', OLD.method, 'expect_status', OLD.expect_status, 'expect_body', OLD.expect_body,
                    'tls_verify', OLD.tls_verify, 'interval_s', OLD.interval_s, 'timeout_s', OLD.timeout_s,
                    'fall', OLD.fall, 'rise', OLD.rise, 'latency_max_ms', OLD.latency_max_ms, 'quorum',
                    OLD.quorum));
END;

CREATE TRIGGER policy_audit_insert AFTER INSERT ON policy
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'policy', NEW.name,
        json_object('name', NEW.name, 'method', NEW.method, 'geofence', NEW.geofence));
END;
CREATE TRIGGER policy_audit_update AFTER UPDATE ON policy
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'policy', OLD.name,
        json_object('name', OLD.name, 'method', OLD.method, 'geofence', OLD.geofence),
        json_object('name', NEW.name, 'method', NEW.method, 'geofence', NEW.geofence));
END;
CREATE TRIGGER policy_audit_delete AFTER DELETE ON policy
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'policy', OLD.name,
        json_object('name', OLD.name, 'method', OLD.method, 'geofence', OLD.geofence));
END;

CREATE TRIGGER rule_audit_insert AFTER INSERT ON rule
BEGIN
    INSERT INTO audit(at, op, tbl, key, after)
    VALUES (unixepoch(), 'insert', 'rule', NEW.policy || ' ' || NEW.client || ' ' || NEW.region,
        json_object('policy', NEW.policy, 'client', NEW.client, 'region', NEW.region, 'tier', NEW.tier,
                    'weight', NEW.weight));
END;
CREATE TRIGGER rule_audit_update AFTER UPDATE ON rule
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after)
    VALUES (unixepoch(), 'update', 'rule', OLD.policy || ' ' || OLD.client || ' ' || OLD.region,
        json_object('policy', OLD.policy, 'client', OLD.client, 'region', OLD.region, 'tier', OLD.tier,
                    'weight', OLD.weight),
        json_object('policy', NEW.policy, 'client', NEW.client, 'region', NEW.region, 'tier', NEW.tier,
                    'weight', NEW.weight));
END;
CREATE TRIGGER rule_audit_delete AFTER DELETE ON rule
BEGIN
    INSERT INTO audit(at, op, tbl, key, before)
    VALUES (unixepoch(), 'delete', 'rule', OLD.policy || ' ' || OLD.client || ' ' || OLD.region,
        json_object('policy', OLD.policy, 'client', OLD.client, 'region', OLD.region, 'tier', OLD.tier,
                    'weight', OLD.weight));
END;

CREATE TRIGGER service_audit_insert AFTER INSERT ON service
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'service', NEW.name,
        json_object('name', NEW.name, 'policy', NEW.policy, 'monitor', NEW.monitor, 'ttl', NEW.ttl, 'answers',
                    NEW.answers, 'sticky', NEW.sticky, 'all_down', NEW.all_down, 'panic_below', NEW.panic_below));
END;
CREATE TRIGGER service_audit_update AFTER UPDATE ON service
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'service', OLD.name,
        json_object('name', OLD.name, 'policy', OLD.policy, 'monitor', OLD.monitor, 'ttl', OLD.ttl, 'answers',
                    OLD.answers, 'sticky', OLD.sticky, 'all_down', OLD.all_down, 'panic_below', OLD.panic_below),
        json_object('name', NEW.name, 'policy', NEW.policy, 'monitor', NEW.monitor, 'ttl', NEW.ttl, 'answers',
                    NEW.answers, 'sticky', NEW.sticky, 'all_down', NEW.all_down, 'panic_below', NEW.panic_below));
END;
CREATE TRIGGER service_audit_delete AFTER DELETE ON service
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'service', OLD.name,
        json_object('name', OLD.name, 'policy', OLD.policy, 'monitor', OLD.monitor, 'ttl', OLD.ttl, 'answers',
                    OLD.answers, 'sticky', OLD.sticky, 'all_down', OLD.all_down, 'panic_below', OLD.panic_below));
END;

CREATE TRIGGER pool_audit_insert AFTER INSERT ON pool
BEGIN
    INSERT INTO audit(at, op, tbl, key, after)
    VALUES (unixepoch(), 'insert', 'pool', NEW.service || ' ' || NEW.region,
        json_object('service', NEW.service, 'region', NEW.region, 'weight', NEW.weight, 'min_up', NEW.min_up,
                    'state', NEW.state, 'until', NEW.until, 'note', NEW.note));
END;
CREATE TRIGGER pool_audit_update AFTER UPDATE ON pool
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after)
    VALUES (unixepoch(), 'update', 'pool', OLD.service || ' ' || OLD.region,
        json_object('service', OLD.service, 'region', OLD.region, 'weight', OLD.weight, 'min_up', OLD.min_up,
                    'state', OLD.state, 'until', OLD.until, 'note', OLD.note),
        json_object('service', NEW.service, 'region', NEW.region, 'weight', NEW.weight, 'min_up', NEW.min_up,
                    'state', NEW.state, 'until', NEW.until, 'note', NEW.note));
END;
CREATE TRIGGER pool_audit_delete AFTER DELETE ON pool
BEGIN
    INSERT INTO audit(at, op, tbl, key, before)
    VALUES (unixepoch(), 'delete', 'pool', OLD.service || ' ' || OLD.region,
        json_object('service', OLD.service, 'region', OLD.region, 'weight', OLD.weight, 'min_up', OLD.min_up,
                    'state', OLD.state, 'until', OLD.until, 'note', OLD.note));
END;

CREATE TRIGGER endpoint_audit_insert AFTER INSERT ON endpoint
BEGIN
    INSERT INTO audit(at, op, tbl, key, after)
    VALUES (unixepoch(), 'insert', 'endpoint', NEW.service || ' ' || NEW.region || ' ' || NEW.address,
        json_object('service', NEW.service, 'region', NEW.region, 'address', NEW.address, 'weight', NEW.weight,
                    'state', NEW.state, 'until', NEW.until, 'note', NEW.note, 'check_address',
                    NEW.check_address));
END;
CREATE TRIGGER endpoint_audit_update AFTER UPDATE ON endpoint
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after)
    VALUES (unixepoch(), 'update', 'endpoint', OLD.service || ' ' || OLD.region || ' ' || OLD.address,
        json_object('service', OLD.service, 'region', OLD.region, 'address', OLD.address, 'weight', OLD.weight,
                    'state', OLD.state, 'until', OLD.until, 'note', OLD.note, 'check_address',
                    OLD.check_address),
        json_object('service', NEW.service, 'region', NEW.region, 'address', NEW.address, 'weight', NEW.weight,
                    'state', NEW.state, 'until', NEW.until, 'note', NEW.note, 'check_address',
                    NEW.check_address));
END;
CREATE TRIGGER endpoint_audit_delete AFTER DELETE ON endpoint
BEGIN
    INSERT INTO audit(at, op, tbl, key, before)
    VALUES (unixepoch(), 'delete', 'endpoint', OLD.service || ' ' || OLD.region || ' ' || OLD.address,
        json_object('service', OLD.service, 'region', OLD.region, 'address', OLD.address, 'weight', OLD.weight,
                    'state', OLD.state, 'until', OLD.until, 'note', OLD.note, 'check_address',
                    OLD.check_address));
END;

CREATE TRIGGER vantage_audit_insert AFTER INSERT ON vantage
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'vantage', NEW.name,
        json_object('name', NEW.name, 'public_key', NEW.public_key, 'latitude', NEW.latitude, 'longitude',
                    NEW.longitude, 'asn', NEW.asn, 'enabled', NEW.enabled));
END;
CREATE TRIGGER vantage_audit_update AFTER UPDATE ON vantage
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'vantage', OLD.name,
        json_object('name', OLD.name, 'public_key', OLD.public_key, 'latitude', OLD.latitude, 'longitude',
                    OLD.longitude, 'asn', OLD.asn, 'enabled', OLD.enabled),
        json_object('name', NEW.name, 'public_key', NEW.public_key, 'latitude', NEW.latitude, 'longitude',
                    NEW.longitude, 'asn', NEW.asn, 'enabled', NEW.enabled));
END;
CREATE TRIGGER vantage_audit_delete AFTER DELETE ON vantage
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'vantage', OLD.name,
        json_object('name', OLD.name, 'public_key', OLD.public_key, 'latitude', OLD.latitude, 'longitude',
                    OLD.longitude, 'asn', OLD.asn, 'enabled', OLD.enabled));
END;

CREATE TRIGGER transfer_audit_insert AFTER INSERT ON transfer
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'transfer', NEW.zone || coalesce(' ' || NEW.net, '') || coalesce(' ' || NEW.key, ''),
        json_object('zone', NEW.zone, 'net', NEW.net, 'key', NEW.key));
END;
CREATE TRIGGER transfer_audit_update AFTER UPDATE ON transfer
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'transfer', OLD.zone || coalesce(' ' || OLD.net, '') || coalesce(' ' || OLD.key, ''),
        json_object('zone', OLD.zone, 'net', OLD.net, 'key', OLD.key),
        json_object('zone', NEW.zone, 'net', NEW.net, 'key', NEW.key));
END;
CREATE TRIGGER transfer_audit_delete AFTER DELETE ON transfer
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'transfer', OLD.zone || coalesce(' ' || OLD.net, '') || coalesce(' ' || OLD.key, ''),
        json_object('zone', OLD.zone, 'net', OLD.net, 'key', OLD.key));
END;

CREATE TRIGGER notify_audit_insert AFTER INSERT ON notify
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'notify', NEW.zone || ' ' || NEW.address || ' ' || NEW.port,
        json_object('zone', NEW.zone, 'address', NEW.address, 'port', NEW.port, 'key', NEW.key));
END;
CREATE TRIGGER notify_audit_update AFTER UPDATE ON notify
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'notify', OLD.zone || ' ' || OLD.address || ' ' || OLD.port,
        json_object('zone', OLD.zone, 'address', OLD.address, 'port', OLD.port, 'key', OLD.key),
        json_object('zone', NEW.zone, 'address', NEW.address, 'port', NEW.port, 'key', NEW.key));
END;
CREATE TRIGGER notify_audit_delete AFTER DELETE ON notify
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'notify', OLD.zone || ' ' || OLD.address || ' ' || OLD.port,
        json_object('zone', OLD.zone, 'address', OLD.address, 'port', OLD.port, 'key', OLD.key));
END;

-- A secret that was replaced is not kept.
CREATE TRIGGER tsig_key_audit_insert AFTER INSERT ON tsig_key
BEGIN
    INSERT INTO audit(at, op, tbl, key, after) VALUES (unixepoch(), 'insert', 'tsig_key', NEW.name,
        json_object('name', NEW.name, 'algorithm', NEW.algorithm, 'secret', 'not kept'));
END;
CREATE TRIGGER tsig_key_audit_update AFTER UPDATE ON tsig_key
BEGIN
    INSERT INTO audit(at, op, tbl, key, before, after) VALUES (unixepoch(), 'update', 'tsig_key', OLD.name,
        json_object('name', OLD.name, 'algorithm', OLD.algorithm, 'secret', 'not kept'),
        json_object('name', NEW.name, 'algorithm', NEW.algorithm, 'secret', 'not kept'));
END;
CREATE TRIGGER tsig_key_audit_delete AFTER DELETE ON tsig_key
BEGIN
    INSERT INTO audit(at, op, tbl, key, before) VALUES (unixepoch(), 'delete', 'tsig_key', OLD.name,
        json_object('name', OLD.name, 'algorithm', OLD.algorithm, 'secret', 'not kept'));
END;

CREATE TRIGGER audit_before_update BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'audit: rows are never changed; the table is append only');
END;
CREATE TRIGGER audit_before_delete BEFORE DELETE ON audit
BEGIN
    SELECT raise(ABORT, 'audit: rows are never deleted; the table is append only');
END;

PRAGMA user_version = 1;
COMMIT;

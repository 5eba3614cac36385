INSERT INTO zone(name, mname, rname)      VALUES ('gslb.example.com', 'ns1.gslb.example.com', 'hostmaster@example.com');
INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', '@', 'NS', 'ns1.gslb.example.com.'),
                                                  ('gslb.example.com', 'ns1', 'A', '192.0.2.53');
INSERT INTO region(name)                  VALUES ('eu'), ('us');
INSERT INTO policy(name)                  VALUES ('global');
INSERT INTO rule(policy, client, region, tier) VALUES ('global', 'default', 'us', 1), ('global', 'default', 'eu', 2),
                                                      ('global', 'continent:EU', 'eu', 1), ('global', 'continent:EU', 'us', 2);
INSERT INTO monitor(name, type, port, path) VALUES ('web', 'http', 80, '/healthz');
INSERT INTO service(name, policy, monitor) VALUES ('www.gslb.example.com', 'global', 'web');
INSERT INTO pool(service, region)         VALUES ('www.gslb.example.com', 'eu'), ('www.gslb.example.com', 'us');
INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', '198.51.100.1'),
                                                      ('www.gslb.example.com', 'us', '203.0.113.1');
-- later: shift a third of Europe to the US, drain a region for an hour, canary 5 %
UPDATE rule SET tier = 1, weight = 50 WHERE policy = 'global' AND client = 'continent:EU' AND region = 'us';
UPDATE region SET state = 'drain', until = unixepoch() + 3600, note = 'kernel upgrade' WHERE name = 'eu';
UPDATE rule SET weight = 5 WHERE policy = 'global' AND client = 'continent:EU' AND region = 'us';

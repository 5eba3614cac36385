#!/usr/bin/perl
# make-fixtures.pl - write the databases of this directory that are our own: small ones in the layouts of makers whose
# files may not be handed on, and one of each record size. Run here; needs Debian's libmaxmind-db-writer-perl.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my %types = (
    country => 'map', continent => 'map', registered_country => 'map', location => 'map', names => 'map',
    iso_code => 'utf8_string', code => 'utf8_string', en => 'utf8_string', subdivisions => ['array', 'map'],
    latitude => 'double', longitude => 'double', accuracy_radius => 'uint16',
);
my %flat = (map { $_ => 'utf8_string' } qw(country country_name country_code continent continent_name continent_code
    region region_code city loc lat lng asn as_name as_domain));

sub write_db {
    my ($name, $types, $rows, %options) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version => 6, record_size => 24, database_type => $name, languages => ['en'],
        description => { en => "test data of gslbd: $name" }, remove_reserved_networks => 0,
        map_key_type_callback => sub { $types->{$_[0]} }, %options);
    $tree->insert_network($_->[0], $_->[1]) for @$rows;
    open my $file, '>:raw', "$name.mmdb" or die "$name: $!";
    $tree->write_tree($file);
    close $file or die "$name: $!";
}

sub country { return { country => { iso_code => $_[0] } } }

my @v4 = (['1.0.0.0/24', country('AU')], ['1.0.1.0/24', country('CN')], ['1.0.2.0/23', country('CN')],
    ['192.0.2.128/25', country('DE')], ['198.51.100.7/32', country('FR')], ['203.0.113.0/24', country('US')],
    ['224.0.0.0/3', country('AQ')]);
my @v6 = (['2001:db8::/32', country('JP')], ['2001:db8:ffff::/48', country('BR')], ['2a00::1/128', country('ZA')],
    ['fe00::/7', country('NZ')]);
for my $size (24, 28, 32) {
    write_db("size-$size-v4", \%types, \@v4, ip_version => 4, record_size => $size);
    write_db("size-$size-v6", \%types, [@v4, @v6], record_size => $size, alias_ipv6_to_ipv4 => 1);
}

# IPv4 addresses whose search ends above bit 96, and not at all
write_db('v4-above', \%types, [['::/64', country('SE')], @v6]);
write_db('v4-none', \%types, \@v6);

# DB-IP: MaxMind's layout, subdivisions by name only
write_db('dbip-city', \%types, [
    ['192.0.2.0/24', { continent => { code => 'NA' }, country => { iso_code => 'US' },
        location => { latitude => 37.3861, longitude => -122.084 }, subdivisions => [{ names => { en => 'California' } }] }],
    ['2001:db8::/32', { continent => { code => 'EU' }, country => { iso_code => 'GB' },
        subdivisions => [{ iso_code => 'ENG' }, { iso_code => 'WBK' }] }],
    ['198.51.100.0/24', { registered_country => { iso_code => 'US' } }],
]);

# IPinfo: flat text fields
write_db('ipinfo-lite', \%flat, [
    ['192.0.2.0/24', { asn => 'AS64500', as_name => 'Example', country => 'Germany', country_code => 'DE',
        continent => 'Europe', continent_code => 'EU' }],
    ['2001:db8::/32', { asn => 'AS4200000000', country => 'Brazil', country_code => 'BR' }],
]);
write_db('ipinfo-country-asn', \%flat, [
    ['192.0.2.0/24', { asn => 'AS64500', country => 'DE', country_name => 'Germany', continent => 'EU',
        continent_name => 'Europe' }],
    ['198.51.100.0/24', { asn => 'ASX', country => 'Nowhere' }],
]);
write_db('ipinfo-location', \%flat, [
    ['192.0.2.0/24', { city => 'Mountain View', region => 'California', region_code => 'CA', country => 'US',
        loc => '37.4056,-122.0775' }],
    ['198.51.100.0/24', { city => 'Sao Paulo', region => 'SP', country => 'BR', lat => '-23.5475', lng => '-46.6361' }],
    ['203.0.113.0/24', { region => 'Bavaria', country => 'DE', loc => '137.4056,-122.0775' }],
    ['100.64.0.0/24', { country => 'DE', loc => '37.4056,-190' }],
    ['100.64.1.0/24', { country => 'DE', loc => '37.4056,-122.0775 or so' }],
]);

package front

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// errElsewhere refuses readers who have not signed in at a host that may be anybody's.
var errElsewhere = fmt.Errorf("%w: the host is none of those at which anonymous readers are let in", view.ErrUnauthenticated)

// identify is who sent a request. Nobody is anonymous at a name that somebody else may
// have lead here for a while (DNS rebinding): the browser takes what is answered then for
// that site's own, and lets its scripts read it. Who has signed in needs no such care, for
// the browser has sessions of this site for the names of this site only.
func (d *door) identify(r *http.Request) (access.Identity, error) {
	id, err := d.SignIn.Authenticate(r)
	if err == nil && id.Anonymous && !d.ours(r.Host) {
		return access.Identity{}, errElsewhere
	}
	return id, err
}

// ours reports whether nobody else can have the host's name: it is an address, which needs
// no resolving, this machine, a Service, or what the installation is known by.
func (d *door) ours(host string) bool {
	name := hostName(host)
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		return true // browsers always send a host
	}
	for _, own := range []string{"localhost", "svc", "svc.cluster.local"} {
		if name == own || strings.HasSuffix(name, "."+own) {
			return true
		}
	}
	return slices.ContainsFunc(d.Names(), func(known string) bool { return name == hostName(known) })
}

// hostName is a host without its port, as names are compared.
func hostName(host string) string {
	name := (&url.URL{Host: host}).Hostname()
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

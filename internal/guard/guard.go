package guard

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Config is what New needs.
type Config struct {
	// Backend knows everything. Without one there is nothing to see.
	Backend view.Backend
	// May says who may what; nil permits nobody anything.
	May func(id access.Identity, resource, action, object string) bool
	// Rights is a key of what an identity may: while it is the same for two, and not "",
	// May answers both alike. With nil nobody reads together with others.
	Rights func(access.Identity) string
	// Badges reports whether everybody may know how an app is, in a badge; nil is no.
	Badges func() bool
	// Accounts are the local ones; nil is none.
	Accounts Accounts
	// Audit keeps a record. Where it is nil or fails, no deed is done.
	Audit func(context.Context, view.Audit) error
	// Namespace is that of the control plane; "" is argocd.
	Namespace string
	// Now is time.Now if it is nil; Log is slog.Default.
	Now func() time.Time
	Log *slog.Logger
}

// Guard makes desks. Its methods may be called concurrently.
type Guard struct {
	Config
	trail     *trail
	diffs     turns
	occasions occasions
}

// New makes a Guard.
func New(c Config) *Guard {
	c.Namespace = cmp.Or(c.Namespace, "argocd")
	if c.May == nil {
		c.May = func(access.Identity, string, string, string) bool { return false }
	}
	if c.Rights == nil {
		c.Rights = func(access.Identity) string { return "" }
	}
	if c.Badges == nil {
		c.Badges = func() bool { return false }
	}
	if c.Backend == nil {
		c.Backend = nothing{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	return &Guard{Config: c, trail: newTrail(c.Audit, c.Now, c.Log)}
}

// Flush writes to the trail how often that was refused which is counted only so far. It
// is for the end of the process.
func (g *Guard) Flush(ctx context.Context) { g.trail.flush(ctx) }

// Reader is who reads, for one request.
type Reader struct {
	Identity access.Identity
	// From is its address, Via "ui", "api", "argocd-api" or "cli".
	From, Via string
	// Valid is an error once the reader's session has ended; nil never ends.
	Valid func(context.Context) error
}

// Desk is the installation as the reader sees it.
func (g *Guard) Desk(r Reader) view.Desk { return &desk{Guard: g, reader: r} }

// desk is one reader's, or that of all with whom a reader reads together.
type desk struct {
	*Guard
	reader Reader
	// looks are set if it is of several: then nobody is named, and nothing can be done.
	looks *looks
}

var _ view.Desk = (*desk)(nil)

func (d *desk) Who() view.Who {
	if d.looks != nil {
		return view.Who{}
	}
	id := d.reader.Identity
	return view.Who{Name: id.Subject, Title: cmp.Or(id.Title, id.Subject), Groups: id.Groups, Anonymous: id.Anonymous, Local: id.Local}
}

// valid refuses a reader whose session has ended.
func (d *desk) valid(ctx context.Context) error {
	if d.reader.Valid == nil {
		return nil
	}
	return model.As(view.ErrUnauthenticated, d.reader.Valid(ctx))
}

func (d *desk) may(resource, action, object string) bool {
	return d.Config.May(d.reader.Identity, resource, action, object)
}

// nothing is a backend with nothing in it.
type nothing struct{ view.Backend }

func (nothing) Apps(view.Query, func(*view.App) bool) view.Page { return view.Page{} }
func (nothing) Manifests(context.Context, view.Query, func(*view.App) bool) ([]map[string]any, view.Page, error) {
	return nil, view.Page{}, nil
}
func (nothing) Brief(model.AppKey) (view.App, bool) { return view.App{}, false }
func (nothing) Clusters(context.Context) ([]view.Cluster, error) {
	return nil, nil
}
func (nothing) Unreachable() []view.Cluster                             { return nil }
func (nothing) Repositories(context.Context) ([]view.Repository, error) { return nil, nil }
func (nothing) Projects(context.Context) ([]view.Project, error)        { return nil, nil }
func (nothing) Feeders(context.Context) ([]view.Feeder, error)          { return nil, nil }
func (nothing) Activity(context.Context, view.ActivityQuery) ([]view.Activity, error) {
	return nil, nil
}
func (nothing) Audits(context.Context, view.AuditQuery) ([]view.Audit, error) { return nil, nil }
func (nothing) VerifyAudit(context.Context) (view.AuditCheck, error)          { return view.AuditCheck{}, nil }
func (nothing) Watch(context.Context, view.Topic) <-chan struct{}             { return nil }

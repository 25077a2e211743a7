package live

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

const (
	// dialTimeout bounds a connection's start, readTimeout a read that somebody waits for.
	// A list may be long, and take patienceForLists times as long as a read.
	dialTimeout      = 5 * time.Second
	readTimeout      = 15 * time.Second
	patienceForLists = 4
)

// Cluster is a connection to a cluster, with what is kept of it at the moment.
type Cluster struct {
	name   string
	cfg    Config
	config *rest.Config
	http   *http.Client
	dialer *connrotation.Dialer
	// plain reads anything by its path; dynamic and metadata watch.
	plain    rest.Interface
	dynamic  dynamic.Interface
	metadata metadata.Interface
	kinds    catalog

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	ended   bool
	scopes  map[place]*scope
	fetches map[place]*fetch
}

// connect prepares a connection; it sends nothing.
func connect(cfg Config, name string, config *rest.Config) (*Cluster, error) {
	rc := rest.CopyConfig(config)
	rc.QPS = -1 // what people ask for is bounded by how many they are
	if rc.Dial == nil {
		rc.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	dialer := connrotation.NewDialer(rc.Dial)
	rc.Dial = dialer.DialContext
	rc.WarningHandler = rest.NoWarnings{}
	rc.GroupVersion = &schema.GroupVersion{}
	rc.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	rc.ContentConfig.ContentType, rc.AcceptContentTypes = "application/json", "application/json"
	c := &Cluster{name: name, cfg: cfg, config: config, dialer: dialer, scopes: map[place]*scope{}, fetches: map[place]*fetch{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, c.open(rc)
}

func (c *Cluster) open(rc *rest.Config) error {
	var err error
	if c.http, err = rest.HTTPClientFor(rc); err != nil {
		return err
	}
	if c.plain, err = rest.RESTClientForConfigAndClient(rc, c.http); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(rc, c.http); err != nil {
		return err
	}
	if c.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(rc), c.http); err != nil {
		return err
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(rc, c.http)
	if err != nil {
		return err
	}
	c.kinds.client = discovery.ToDiscoveryInterfaceWithContext(disco)
	return nil
}

// Name is what the cluster was asked for by.
func (c *Cluster) Name() string { return c.name }

// spawn runs f while the connection lasts, unless it has ended.
func (c *Cluster) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spawnLocked(f)
}

func (c *Cluster) spawnLocked(f func()) bool {
	if c.ended {
		return false
	}
	c.wg.Go(f)
	return true
}

// end stops all that is under way, without waiting for it.
func (c *Cluster) end() {
	c.mu.Lock()
	c.ended = true
	for _, s := range c.scopes {
		s.linger.Stop()
	}
	for _, f := range c.fetches {
		f.expiry.Stop()
	}
	c.scopes, c.fetches = map[place]*scope{}, map[place]*fetch{}
	c.mu.Unlock()
	c.stop()
}

// wait waits for the end of what end has stopped.
func (c *Cluster) wait() {
	c.wg.Wait()
	c.dialer.CloseAll()
}

// reading is a context that ends with ctx, with the connection, or after Config.Patience.
func (c *Cluster) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Patience)
	release := context.AfterFunc(c.ctx, cancel)
	return ctx, func() { release(); cancel() }
}

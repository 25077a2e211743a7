package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// crowdPolicy gives teams different rights to the same pages.
const crowdPolicy = `
g, platform, role:admin
g, shop, role:shop
g, shop-ops, role:shop
g, shop-ops, role:ops
g, payments, role:payments
p, role:shop, applications, get, shop/*, allow
p, role:ops, applications, sync, shop/*, allow
p, role:payments, applications, get, payments/*, allow`

// onlooker is one of many who follow the same page.
type onlooker struct {
	name, groups string
	status       int

	mu   sync.Mutex
	text strings.Builder
}

// saw is all that has come so far.
func (o *onlooker) saw() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// follow reads the stream of a page of which the browser has nothing yet.
func (o *onlooker) follow(ctx context.Context, client *http.Client, base, page string, opened chan<- error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/live?"+url.Values{"page": {page}}.Encode(), nil)
	if err != nil {
		opened <- err
		return
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set(readerHeader, o.name)
	req.Header.Set(groupsHeader, o.groups)
	resp, err := client.Do(req)
	if err != nil {
		opened <- err
		return
	}
	defer resp.Body.Close()
	o.status = resp.StatusCode
	opened <- nil
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadString('\n')
		o.mu.Lock()
		o.text.WriteString(line)
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// onlookers has n people of each team follow a page at the same time.
func onlookers(t *testing.T, base, page string, n int, teams ...string) map[string][]*onlooker {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: &http.Transport{}}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		client.CloseIdleConnections()
	})
	all, opened := map[string][]*onlooker{}, make(chan error, n*len(teams))
	for i := range n {
		for _, team := range teams {
			o := &onlooker{name: fmt.Sprintf("person-%d-of-%s", i, team), groups: team}
			all[team] = append(all[team], o)
			wg.Go(func() { o.follow(ctx, client, base, page, opened) })
		}
	}
	for range n * len(teams) {
		if err := <-opened; err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// journal keeps an audit trail.
type journal struct {
	mu  sync.Mutex
	all []view.Audit
}

func (j *journal) write(_ context.Context, a view.Audit) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, a)
	return nil
}

// has reports whether somebody's look at something is there.
func (j *journal) has(who, object, outcome string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, a := range j.all {
		if a.Who == who && a.Action == "get" && a.Object == object && a.Outcome == outcome {
			return true
		}
	}
	return false
}

// TestSecurityLiveOnlyWhatEachMay has people of different rights look at the list of apps
// at the same moments: what is made once for those of equal rights never reaches others.
func TestSecurityLiveOnlyWhatEachMay(t *testing.T) {
	sample := viewtest.New()
	base := siteOf(t, sample, crowdPolicy, (&journal{}).write)
	teams := map[string]string{ // and the projects whose changes they see
		"platform": "shop payments", "shop": "shop", "shop-ops": "shop", "payments": "payments", "shop,payments": "shop payments", "nobody": "",
	}
	all := onlookers(t, base, "/apps", 5, "platform", "shop", "shop-ops", "payments", "shop,payments", "nobody")
	apps := map[string]string{"shop": "shop-frontend", "payments": "payments-api"}
	for round := range 4 {
		mark := func(project string) string { return fmt.Sprintf("mark-%s-%d", project, round) }
		for project, name := range apps {
			sample.Edit(viewtest.Key(view.KindApplication, "argocd", name), func(d *view.Detail) { d.Message = mark(project) })
		}
		for team, sees := range teams {
			for _, o := range all[team] {
				for project := range strings.FieldsSeq(sees) {
					waitFor(t, o.name+" sees "+mark(project), func() bool { return strings.Contains(o.saw(), mark(project)) })
				}
				looks := round + 1
				waitFor(t, o.name+" looked again", func() bool { return strings.Count(o.saw(), "\n\n") > looks })
			}
		}
	}
	for team, sees := range teams {
		for _, o := range all[team] {
			text := o.saw()
			for project, name := range apps {
				if !strings.Contains(sees, project) && (strings.Contains(text, "mark-"+project) || strings.Contains(text, name)) {
					t.Errorf("%s is sent what is of %s", o.name, project)
				}
			}
			nobodyNamed(t, o)
		}
	}
}

// nobodyNamed fails where a stream names one of those who look.
func nobodyNamed(t *testing.T, o *onlooker) {
	t.Helper()
	if at := strings.Index(o.saw(), "person-"); at >= 0 {
		t.Errorf("%s is sent a reader's name: %.80s", o.name, o.saw()[at:])
	}
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	err := within(patience, func() error {
		if !holds() {
			return fmt.Errorf("not yet: %s", what)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecurityLiveOffersWhatEachMay is of a page of one app: its buttons are for those who
// may press them, and the trail has each who looked, or was refused.
func TestSecurityLiveOffersWhatEachMay(t *testing.T) {
	sample, trail := viewtest.New(), &journal{}
	base := siteOf(t, sample, crowdPolicy, trail.write)
	key := viewtest.Key(view.KindApplication, "argocd", "shop-frontend")
	const object = "applications/shop/shop-frontend"
	button := `href="` + web.AppPath(key) + `/sync"`
	all := onlookers(t, base, web.AppPath(key), 5, "platform", "shop", "shop-ops", "payments", "nobody")
	for round := range 3 {
		mark := fmt.Sprint("mark-", round)
		sample.Edit(key, func(d *view.Detail) { d.Message = mark })
		for _, team := range []string{"platform", "shop", "shop-ops"} {
			for _, o := range all[team] {
				waitFor(t, o.name+" sees "+mark, func() bool { return strings.Contains(o.saw(), mark) })
			}
		}
	}
	for team, maySync := range map[string]bool{"platform": true, "shop-ops": true, "shop": false} {
		for _, o := range all[team] {
			if got := strings.Contains(o.saw(), button); got != maySync {
				t.Errorf("%s is offered to sync: %t", o.name, got)
			}
			if !trail.has(o.name, object, "allowed") {
				t.Errorf("the trail does not say that %s looked", o.name)
			}
			nobodyNamed(t, o)
		}
	}
	for _, team := range []string{"payments", "nobody"} {
		for _, o := range all[team] {
			if o.status != http.StatusNotFound || strings.Contains(o.saw(), "mark-") || strings.Contains(o.saw(), "event:") {
				t.Errorf("%s got %d and is sent\n%s", o.name, o.status, o.saw())
			}
			if !trail.has(o.name, object, "denied") {
				t.Errorf("the trail does not say that %s was refused", o.name)
			}
		}
	}
}

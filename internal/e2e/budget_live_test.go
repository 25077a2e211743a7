package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// viewer follows a page as a browser does that shows it, and counts what comes.
type viewer struct {
	bytes, pieces atomic.Int64
	// seen is the last text of the viewer's page that starts with "mark-".
	seen atomic.Value
}

// viewers has n people open the page's stream, and waits until all are open.
func viewers(t *testing.T, base, page string, n int) []*viewer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		client.CloseIdleConnections()
	})
	have := haveOf(t, client, base+page)
	all := make([]*viewer, n)
	opened := make(chan error, n)
	for i := range all {
		all[i] = &viewer{}
		wg.Go(func() {
			all[i].follow(ctx, client, base+"/live?"+url.Values{"page": {page}, "have": {have}}.Encode(), fmt.Sprint("viewer-", i), opened)
		})
	}
	for range all {
		if err := <-opened; err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// haveOf asks for a page and returns what it has, as its script tells the stream.
func haveOf(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), `data-have="`); ok {
			have, _, _ := strings.Cut(rest, `"`)
			return have
		}
	}
	t.Fatalf("%s has no live regions", address)
	return ""
}

// follow reads the stream. Its first line says that it is open and current.
func (v *viewer) follow(ctx context.Context, client *http.Client, address, name string, opened chan<- error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		opened <- err
		return
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set(readerHeader, name)
	resp, err := client.Do(req)
	if err != nil {
		opened <- err
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for first := true; ; first = false {
		line, err := lines.ReadString('\n')
		if first {
			opened <- err
			if err == nil && !strings.HasPrefix(line, ": ") {
				v.pieces.Add(1000) // what it had was current: nothing but a comment is due
			}
		}
		if err != nil {
			return
		}
		v.bytes.Add(int64(len(line)))
		if strings.HasPrefix(line, "event: region") || strings.HasPrefix(line, "event: item") {
			v.pieces.Add(1)
		}
		if _, rest, ok := strings.Cut(line, "mark-"); ok {
			v.seen.Store(rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))])
		}
	}
}

// What a hundred viewers of equal rights may cost: their page is made once, or a few times
// where they are not told of a change at once.
const (
	mostLooks = 10
	mostRatio = 15 // of the processor's time of one viewer
)

// cpu is what this process has used: the server, and who reads its streams.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// audience is what an installation of 10,000 apps does for those who look at a page.
type audience struct {
	t       *testing.T
	sample  *viewtest.Backend
	counted *counting
	base    string
	marks   int
}

func newAudience(t *testing.T) *audience {
	t.Helper()
	a := &audience{t: t, sample: viewtest.New()}
	a.sample.Add(10_000)
	a.counted = &counting{Backend: a.sample}
	a.base = sampleSite(t, a.counted)
	return a
}

// mark changes an app so that all who see it can tell when they have it.
func (a *audience) mark(app model.AppKey, all []*viewer) {
	a.t.Helper()
	a.marks++
	text := fmt.Sprint(a.marks)
	a.sample.Edit(app, func(d *view.Detail) { d.Message = "mark-" + text })
	err := within(patience, func() error {
		for i, v := range all {
			if got, _ := v.seen.Load().(string); got != text {
				return fmt.Errorf("viewer %d has mark %q, want %s", i, got, text)
			}
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *audience) sums(all []*viewer) (bytes, pieces int64) {
	for _, v := range all {
		bytes += v.bytes.Load()
		pieces += v.pieces.Load()
	}
	return bytes, pieces
}

// rounds has k changes of an app on the page, one after the other, seen by all, and
// returns what one cost.
func (a *audience) rounds(k int, app model.AppKey, all []*viewer) (lists, bytes int64, used time.Duration) {
	a.t.Helper()
	a.mark(app, all)
	listsBefore, cpuBefore := a.counted.lists.Load(), cpu(a.t)
	bytesBefore, _ := a.sums(all)
	for range k {
		a.mark(app, all)
	}
	bytesAfter, _ := a.sums(all)
	n := int64(k)
	return (a.counted.lists.Load() - listsBefore) / n, (bytesAfter - bytesBefore) / n, (cpu(a.t) - cpuBefore) / time.Duration(k)
}

// TestBudgetLive measures what open pages cost the server: with the list of 10,000 apps
// open at one viewer and at a hundred, while apps of the page change, while others do,
// and while nothing does.
func TestBudgetLive(t *testing.T) {
	const many, k = 100, 10
	a := newAudience(t)
	app := viewtest.Key(view.KindApplication, "argocd", "payments-api")
	var alone, crowd time.Duration
	t.Run("one viewer", func(t *testing.T) {
		a.t = t
		all := viewers(t, a.base, "/apps", 1)
		var lists, bytes int64
		lists, bytes, alone = a.rounds(k, app, all)
		t.Logf("a change of the page for 1 viewer: %d list, %d bytes, %v of CPU", lists, bytes, alone)
		if lists > 2 {
			t.Errorf("a change makes the page %d times", lists)
		}
	})
	t.Run("a hundred", func(t *testing.T) {
		a.t = t
		all := viewers(t, a.base, "/apps", many)
		var lists, bytes int64
		lists, bytes, crowd = a.rounds(k, app, all)
		t.Logf("a change of the page for %d viewers: %d lists, %d bytes, %v of CPU, %.0f times that of one", many, lists, bytes, crowd, float64(crowd)/float64(alone))
		if lists > mostLooks {
			t.Errorf("a change makes %d pages for %d viewers", lists, many)
		}
		a.burst(all, app)
		a.silence(all, app)
	})
	if ratio := float64(crowd) / float64(alone); ratio > mostRatio {
		t.Errorf("%d viewers cost %.0f times of what one does", many, ratio)
	}
}

// burst has a thousand changes at once: the page is made a few times for all viewers, not
// a thousand.
func (a *audience) burst(all []*viewer, app model.AppKey) {
	a.t.Helper()
	keys := a.sample.Apps(view.Query{Search: "service-0", Limit: view.MaxLimit}, nil).Apps
	lists, began, used := a.counted.lists.Load(), time.Now(), cpu(a.t)
	for i := range 1000 {
		a.sample.Edit(keys[i%len(keys)].Key, func(d *view.Detail) { d.OutOfSync = i % 3 })
	}
	a.mark(app, all)
	made, took := a.counted.lists.Load()-lists, time.Since(began)
	turns := int64(took/(250*time.Millisecond)) + 1
	a.t.Logf("1,000 changes at once for %d viewers: %d lists in %v, %v of CPU", len(all), made, took.Round(time.Millisecond), cpu(a.t)-used)
	if most := turns * mostLooks; made > most {
		a.t.Errorf("%d pages were made, more than %d", made, most)
	}
}

// silence has things change that the page does not show: nobody's page is made for
// them. Only what keeps a stream alive may be sent meanwhile.
func (a *audience) silence(all []*viewer, app model.AppKey) {
	a.t.Helper()
	a.mark(app, all)
	lists, began := a.counted.lists.Load(), time.Now()
	_, pieces := a.sums(all)
	for range 1000 {
		a.sample.Touch(view.TopicActivity)
		a.sample.Touch(view.TopicRepositories)
		a.sample.Touch(view.TopicTree(app))
	}
	a.mark(app, all)
	beats := int64(time.Since(began)/(25*time.Second)) + 1 // a page is looked at so often, to see whether its reader still may
	if made := a.counted.lists.Load() - lists; made > mostLooks*(beats+1) {
		a.t.Errorf("3,000 changes of what the page does not show have it made %d times for %d viewers", made, len(all))
	}
	if _, now := a.sums(all); now-pieces != int64(len(all)) {
		a.t.Errorf("%d pieces of the page were sent for one change to %d viewers", now-pieces, len(all))
	}
}

// TestBudgetQuietApps leaves those alone who look at one app while others change.
func TestBudgetQuietApps(t *testing.T) {
	const many = 50
	a := newAudience(t)
	key := viewtest.Key(view.KindApplication, "argocd", "payments-api")
	all := viewers(t, a.base, web.AppPath(key), many)
	a.mark(key, all)
	trees, began := a.counted.trees.Load(), time.Now()
	others := a.sample.Apps(view.Query{Search: "service-0", Limit: view.MaxLimit}, nil).Apps
	for i := range 1000 {
		a.sample.Edit(others[i%len(others)].Key, func(d *view.Detail) { d.OutOfSync = i % 3 })
	}
	a.mark(key, all)
	made, beats := a.counted.trees.Load()-trees, int64(time.Since(began)/(25*time.Second))
	t.Logf("1,000 changes of other apps, and one of it: %d trees for %d viewers", made, many)
	if made > mostLooks*(1+beats) {
		t.Errorf("%d trees were made for %d viewers and one change", made, many)
	}
}

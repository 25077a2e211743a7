package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// listener is a connection to a stream, in a bubble of synctest.
type listener struct {
	mu     sync.Mutex
	text   strings.Builder
	head   http.Header
	status int
	writes int
	done   chan struct{}
	stop   context.CancelFunc
}

func (l *listener) Header() http.Header { return l.head }
func (l *listener) WriteHeader(s int)   { l.status = s }
func (l *listener) Flush()              {}

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	return l.text.Write(b)
}

// events are those that came since the last call, without comments, as "name line".
func (l *listener) events() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for block := range strings.SplitSeq(l.text.String(), "\n\n") {
		if name, data, ok := strings.Cut(strings.TrimPrefix(block, "event: "), "\ndata: "); ok {
			line, _, _ := strings.Cut(data, "\n")
			first, _, _ := strings.Cut(line, " ")
			out = append(out, name+" "+first)
		} else if name, ok := strings.CutSuffix(strings.TrimPrefix(block, "event: "), "\ndata:"); ok {
			out = append(out, name)
		}
	}
	l.text.Reset()
	return out
}

// listen opens the stream of a page that has just been loaded.
func listen(t *testing.T, h http.Handler, page string) *listener {
	t.Helper()
	live := get(t, h, page).one("#live")
	ctx, stop := context.WithCancel(t.Context())
	l := &listener{head: http.Header{}, done: make(chan struct{}), stop: stop}
	query := url.Values{"page": {attr(live, "data-page")}, "have": {attr(live, "data-have")}}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live?"+query.Encode(), nil)
	go func() {
		defer close(l.done)
		h.ServeHTTP(l, r)
	}()
	synctest.Wait()
	return l
}

// stay lets fake time pass for a little less than until the page is made anew unasked.
func stay() { time.Sleep(usualPace.longest - usualPace.shortest) }

var frontend = viewtest.Key(view.KindApplication, "argocd", "shop-frontend")

func TestLiveSendsWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := viewtest.New()
		l := listen(t, site(b, viewtest.Options{}), "/apps")
		if got := l.events(); len(got) != 0 {
			t.Errorf("a page that is current is sent %q", got)
		}
		stay()
		b.Edit(frontend, func(d *view.Detail) { d.Message = "something else" })
		want := []string{"item app:" + frontend.String(), "hash apps-list"}
		if got := l.events(); !slices.Equal(got, want) {
			t.Errorf("one row changed: %q, want %q", got, want)
		}
		stay()
		b.Edit(frontend, func(d *view.Detail) { d.Health = model.Degraded })
		want = []string{"region apps-summary", "item app:" + frontend.String(), "hash apps-list"}
		if got := l.events(); !slices.Equal(got, want) {
			t.Errorf("a row and the summary changed: %q, want %q", got, want)
		}
		stay()
		b.Remove(frontend)
		if got := l.events(); !slices.Contains(got, "region apps-list") {
			t.Errorf("a row went: %q", got)
		}
		l.stop()
		<-l.done
	})
}

func TestLiveIsNotInHaste(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := viewtest.New()
		l := listen(t, site(b, viewtest.Options{}), "/apps")
		stay()
		l.writes = 0
		for i := range 100 {
			b.Edit(frontend, func(d *view.Detail) { d.Message = fmt.Sprint("change ", i) })
			time.Sleep(10 * time.Millisecond)
		}
		l.events()
		if l.writes < 2 || l.writes > 6 {
			t.Errorf("%d updates in a second of changes, want about four", l.writes)
		}
		time.Sleep(time.Second)
		l.events()
		if d := get(t, site(b, viewtest.Options{}), "/apps"); !strings.Contains(text(d.Node), "change 99") {
			t.Error("the last change is not there")
		}
		l.stop()
		<-l.done
	})
}

// TestLiveEnds: a reader who may not see a page any more, or is signed out, gets
// nothing more of it, even if nothing changes.
func TestLiveEnds(t *testing.T) {
	for want, err := range map[string]error{"signed-out": view.ErrUnauthenticated, "gone": model.As(model.ErrNotFound, errors.New("not there"))} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := viewtest.New()
				l := listen(t, site(b, viewtest.Options{}), "/clusters")
				b.Fail("Clusters", err)
				time.Sleep(2 * usualPace.longest)
				if got := l.events(); !slices.Equal(got, []string{want}) {
					t.Errorf("got %q, want %q", got, want)
				}
				<-l.done
			})
		})
	}
}

// TestLiveGone: an app that is deleted while its page is looked at leaves a page that
// says so.
func TestLiveGone(t *testing.T) {
	for below, app := range map[string]model.AppKey{"": frontend, "/history": sampleKey("legacy-billing")} {
		synctest.Test(t, func(t *testing.T) {
			b := viewtest.New()
			l := listen(t, site(b, viewtest.Options{}), AppPath(app)+below)
			stay()
			l.events()
			b.Remove(app)
			stay()
			l.mu.Lock()
			sent := l.text.String()
			l.mu.Unlock()
			_, end, _ := strings.Cut(sent, "event: gone\n")
			if !strings.Contains(end, app.Name+" is gone") || !strings.Contains(end, "Its deletion is over") != (app == frontend) {
				t.Errorf("%s ends with %q", below, end)
			}
			<-l.done
		})
	}
}

// TestLiveTooLate: an app that goes between its page and the page's stream is told to be
// gone as well, whether there ever was one or not.
func TestLiveTooLate(t *testing.T) {
	s := site(viewtest.New(), viewtest.Options{May: func(_ view.Verb, a view.App) bool { return a.Key != frontend }})
	for _, below := range []string{"", "/history"} {
		for _, name := range []string{frontend.Name, "nothing"} {
			path := AppPath(sampleKey(name)) + below
			r := httptest.NewRequest(http.MethodGet, "/live?"+url.Values{"page": {path}, "have": {"app-head:x"}}.Encode(), nil)
			got := httptest.NewRecorder()
			s.ServeHTTP(got, r)
			if body := got.Body.String(); got.Code != http.StatusOK || !strings.HasPrefix(body, "event: gone\n") || !strings.Contains(body, name+" is gone") {
				t.Errorf("%s: %d, %q", path, got.Code, body)
			}
		}
	}
	for _, path := range []string{"/apps/gadget/argocd/x", AppPath(frontend) + "/diff", "/nowhere", AppPath(frontend) + "/history/more"} {
		if d := get(t, s, "/live?"+url.Values{"page": {path}, "have": {"app-head:x"}}.Encode()); d.code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, d.code)
		}
	}
}

// TestSecurityLiveTellsOfTheEnd: the page of a session that has ended says so at once,
// though nothing has changed in it; a connection that ends for another reason does not.
func TestSecurityLiveTellsOfTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		cause error
		want  []string
	}{
		"revoked": {view.ErrUnauthenticated, []string{"signed-out"}}, "its time is over": {context.DeadlineExceeded, []string{"signed-out"}},
		"the server ends": {context.Canceled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancelCause(t.Context())
				pages := site(viewtest.New(), viewtest.Options{})
				l := listen(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/live" {
						r = r.WithContext(ctx)
					}
					pages.ServeHTTP(rw, r)
				}), "/clusters")
				stay()
				l.events()
				end(c.cause)
				<-l.done
				if got := l.events(); !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

// A desk whose watches end.
type endingDesk struct {
	view.Desk
	end <-chan struct{}
}

func (d endingDesk) Watch(context.Context, view.Topic) (<-chan struct{}, error) { return d.end, nil }

// TestLiveEndsWithItsWatch: a session that ends ends its streams at once, not only when
// the page would be made anew unasked.
func TestLiveEndsWithItsWatch(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []string
	}{"signed out": {view.ErrUnauthenticated, []string{"signed-out"}}, "for no reason": {nil, nil}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, end := viewtest.New(), make(chan struct{})
				pages := site(b, viewtest.Options{})
				mux := http.NewServeMux()
				New(Config{}).Routes(mux)
				l := listen(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/live" {
						pages.ServeHTTP(rw, r)
						return
					}
					desk := endingDesk{viewtest.Desk(b, viewtest.Options{}), end}
					mux.ServeHTTP(rw, r.WithContext(view.WithDesk(r.Context(), desk)))
				}), "/clusters")
				l.events()
				b.Fail("Clusters", c.err)
				close(end)
				time.Sleep(2 * usualPace.shortest)
				if got := l.events(); !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
				<-l.done
			})
		})
	}
}

// TestLiveSurvives: what can't be read for a while is no reason to end.
func TestLiveSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := viewtest.New()
		l := listen(t, site(b, viewtest.Options{}), "/clusters")
		b.Fail("Clusters", model.As(model.ErrTransient, context.DeadlineExceeded))
		time.Sleep(2 * usualPace.longest)
		b.Fail("Clusters", nil)
		time.Sleep(2 * usualPace.longest)
		if got := l.events(); len(got) != 0 {
			t.Errorf("nothing has changed, and %q was sent", got)
		}
		l.stop()
		<-l.done
	})
}

func TestLiveRefuses(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	for page, want := range map[string]int{
		"/nowhere": http.StatusNotFound, "": http.StatusNotFound, "//evil.example/apps": http.StatusNotFound,
		"/live?page=/apps": http.StatusNotFound, "/assets/x": http.StatusNotFound, "/audit": http.StatusNotFound,
		"/apps?limit=x": http.StatusUnprocessableEntity, "/apps/application/argocd/none": http.StatusNotFound,
	} {
		if d := get(t, h, "/live?page="+url.QueryEscape(page)); d.code != want {
			t.Errorf("live of %q: %d, want %d", page, d.code, want)
		}
	}
}

// TestRegionsAreNobodys: what is made once for many shows nothing of who looks.
func TestRegionsAreNobodys(t *testing.T) {
	b := viewtest.New()
	ana := site(b, viewtest.Options{Who: view.Who{Name: "ana", Title: "ana@example.com", Groups: []string{"ops"}}})
	guest := site(b, viewtest.Options{Who: view.Who{Anonymous: true}})
	pages, live := everyPage(), 0
	for _, tab := range []string{"", "?view=list", "/sync", "/diff", "/history", "/declaration", "/resource?kind=Deployment&group=apps&namespace=shop&name=frontend"} {
		pages = append(pages, AppPath(frontend)+tab)
	}
	for _, page := range pages {
		after := strings.NewReplacer("?", "?done=sync&").Replace(page)
		d, plain := get(t, ana, after, "Cookie", themeCookie+"=dark"), get(t, guest, page)
		if plain.code != http.StatusOK {
			continue
		}
		have, want := attr(d.one("#live"), "data-have"), attr(plain.one("#live"), "data-have")
		if have != want {
			t.Errorf("%s: regions differ by who looks: %s and %s", page, have, want)
		}
		if want != "" {
			live++
		}
	}
	if live < 15 {
		t.Errorf("only %d pages are live", live)
	}
}

func TestSplit(t *testing.T) {
	it, each := split(`<ul><li id="a" data-item>1</li><li id="b" class="x" data-item>2 <b>3</b></li></ul>`)
	if !slices.Equal(it.ids, []string{"a", "b"}) || each[1] != `<li id="b" class="x" data-item>2 <b>3</b></li>` {
		t.Errorf("%q %q", it.ids, each)
	}
	aged, _ := split(`<ul><li id="a" data-item><time datetime="x">1m</time></li></ul>`)
	older, _ := split(`<ul><li id="a" data-item><time datetime="x">2m</time></li></ul>`)
	if indexes, ok := older.changed(aged); !ok || len(indexes) != 0 {
		t.Errorf("what has only become older has changed: %v %v", indexes, ok)
	}
	if _, ok := it.changed(aged); ok {
		t.Error("other items are taken for the same")
	}
}

// TestLiveDiffTakesItsTurn: a diff for which there is no turn says so at once, and comes
// by the page's stream.
func TestLiveDiffTakesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := viewtest.New()
		busy := model.As(view.ErrNoTurn, model.As(model.ErrTransient, errors.New("4 diffs are being made")))
		h := site(queueing{b, busy}, viewtest.Options{})
		page := AppPath(frontend) + "/diff"
		d := get(t, h, page)
		if told := text(d.one("#diff-body")); d.code != http.StatusOK || !strings.Contains(told, "waits for its turn 4 diffs are being made") || len(d.all(".diff-object, .empty, .note.bad")) != 0 {
			t.Errorf("%d: %q", d.code, told)
		}
		l := listen(t, h, page)
		if got := l.events(); !slices.Equal(got, []string{"region diff-body"}) {
			t.Errorf("its turn brings %q", got)
		}
		l.stop()
		<-l.done
	})
}

// queueing has no turn for who does not wait.
type queueing struct {
	*viewtest.Backend
	busy error
}

func (q queueing) Diff(ctx context.Context, app model.AppKey, ask view.DiffQuery) (view.Diff, error) {
	if ask.Now {
		return view.Diff{}, q.busy
	}
	return q.Backend.Diff(ctx, app, ask)
}

// TestLiveTellsOfClusters: whatever page is looked at, its navigation says when a cluster
// can't be reached, and when it can again. Who may see none is told of none.
func TestLiveTellsOfClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := viewtest.New()
		h := site(b, viewtest.Options{})
		b.Reach("edge", "")
		for _, page := range []string{"/apps", AppPath(frontend), "/activity", AppPath(frontend) + "/diff"} {
			l := listen(t, h, page)
			for _, c := range []struct{ err, want string }{{"no route to host", "1, 1 cluster can't be reached"}, {"", ""}} {
				stay()
				l.events()
				b.Reach("staging", c.err)
				if got := l.events(); !slices.Contains(got, "region "+awayRegion) {
					t.Errorf("%s is sent %q", page, got)
				}
				if got := text(get(t, h, page).one("#nav-clusters")); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(c.want, " ", "") {
					t.Errorf("%s: the navigation says %q, want %q", page, got, c.want)
				}
			}
			l.stop()
			<-l.done
		}
		b.Reach("staging", "no route to host")
		if got := text(get(t, site(b, viewtest.Options{Hidden: true}), "/apps").one("#nav-clusters")); got != "" {
			t.Errorf("who may see no cluster is told %q", got)
		}
	})
}

// TestLiveOnce sends what has changed, says that this was all, and ends.
func TestLiveOnce(t *testing.T) {
	b := viewtest.New()
	h := site(b, viewtest.Options{})
	at := get(t, h, "/apps").one("#live")
	query := url.Values{"page": {attr(at, "data-page")}, "have": {attr(at, "data-have")}, "once": {"1"}}
	ask := func() string {
		got := httptest.NewRecorder()
		h.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/live?"+query.Encode(), nil))
		return got.Body.String()
	}
	if got := ask(); got != ": still here\n\nevent: done\ndata:\n\n" {
		t.Errorf("a page that is current is sent %q", got)
	}
	b.Edit(frontend, func(d *view.Detail) { d.Health = model.Degraded })
	if got := ask(); !strings.HasPrefix(got, "event: region\ndata: apps-summary ") || !strings.HasSuffix(got, "event: done\ndata:\n\n") {
		t.Errorf("an app that is degraded now is told by %.200q", got)
	}
}

// TestSecurityStreamsOfOneReader: of a reader with 64 streams each page is made as often as
// keeps all of them together at what eight cost.
func TestSecurityStreamsOfOneReader(t *testing.T) {
	for open, most := range map[int]int{1: 42, 8: 42, 64: 7} {
		synctest.Test(t, func(t *testing.T) {
			b := viewtest.New()
			h := site(b, viewtest.Options{})
			l := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r.WithContext(view.WithStreams(r.Context(), func() int { return open })))
			}), "/apps")
			for n := range 100 {
				b.Edit(frontend, func(d *view.Detail) { d.Message = fmt.Sprint("change ", n) })
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			l.mu.Lock()
			writes := l.writes
			l.mu.Unlock()
			if writes > most || writes < most-5 {
				t.Errorf("with %d streams the page was looked at %d times in ten seconds, want up to %d", open, writes, most)
			}
			l.stop()
			<-l.done
		})
	}
}

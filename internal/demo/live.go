package demo

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// live waits for the apps, says what to try, and does what is asked for by keys
// until ctx ends or the user quits.
func (d *demo) live(ctx context.Context) error {
	commit, err := d.host.head(ctx)
	if err != nil {
		return err
	}
	if _, err := d.well(ctx, d.declared, commit); err != nil {
		// What an earlier demo left may be broken: the user can repair it.
		if ctx.Err() != nil {
			return err
		}
		d.out.say("%v", err)
	}
	d.out.say("%s", d.instructions())
	if err := d.open(ctx); err != nil {
		return err
	}
	keys := d.keys()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case key, open := <-keys:
			if !open {
				keys = nil // no more input; Ctrl-C still ends it
				continue
			}
			if key == "q" {
				return nil
			}
			if err := d.press(ctx, key); err != nil {
				d.out.say("%v", err)
			}
		}
	}
}

// open tells where the web UI is, and has the samples appear there.
func (d *demo) open(ctx context.Context) error {
	var err error
	if d.password, err = d.uiPassword(ctx); err != nil {
		return err
	}
	d.out.say("%s", d.welcome(d.password))
	if d.staging == nil {
		return nil
	}
	d.out.say("More apps, some in a second cluster, appear there in the next half minute.\n")
	d.startSamples(ctx)
	return nil
}

// keys are the lines of the input. Reading it can't be interrupted: the
// goroutine ends with the input or the process.
func (d *demo) keys() <-chan string {
	if d.In == nil {
		return nil
	}
	keys := make(chan string)
	go func() {
		defer close(keys)
		for lines := bufio.NewScanner(d.In); lines.Scan(); {
			keys <- strings.ToLower(strings.TrimSpace(lines.Text()))
		}
	}()
	return keys
}

// press does what a key stands for.
func (d *demo) press(ctx context.Context, key string) error {
	var err error
	switch key {
	case "":
	case "p":
		_, err = d.pushGreeting(ctx, "Hello, it is "+time.Now().Format("15:04:05"))
	case "d":
		for _, f := range d.followers {
			if err = d.cluster.delete(ctx, f.object(deployments)); err != nil {
				break
			}
		}
	case "e":
		for _, f := range d.followers {
			if _, err = d.cluster.edit(ctx, f.object(configMaps), "Somebody was here"); err != nil {
				break
			}
		}
	case "b":
		_, err = d.pushBroken(ctx)
	case "r":
		_, err = d.pushRepair(ctx)
	case "s":
		d.out.say("%s", strings.Join(d.states(400), "\n"))
	case "h", "?":
		d.out.say("%s", d.instructions())
		d.out.say("%s", d.welcome(d.password))
	default:
		err = fmt.Errorf("there is no key %q: p, d, e, b, r, s, h or q", key)
	}
	return err
}

// instructions say where everything is and what to try.
func (d *demo) instructions() string {
	self, err := os.Executable()
	if err != nil {
		self = "fixpoint"
	}
	kubeconfig := d.Kubeconfig
	if d.plane != nil {
		kubeconfig = d.plane.kubeconfig()
	}
	return strings.NewReplacer(
		"$FIXPOINT", self, "$KUBECONFIG", kubeconfig, "$URL", d.host.cloneURL(), "$REPO", repository,
		"$NS", productionNamespace, "$STAGING", stagingNamespace, "$GREETING", greetingFile, "$BROKEN", brokenFile,
		"$LINE", strings.TrimSuffix(brokenLine, "\n"),
		"$APP", d.followers[0].app.namespace+"/"+appName, "$FLUX", d.followers[1].app.namespace+"/"+appName,
	).Replace(instructions)
}

const instructions = `
The cluster follows the repository. In another terminal:

    export KUBECONFIG=$KUBECONFIG
    $FIXPOINT get
    git clone $URL && cd $REPO

Application $APP keeps namespace $NS at overlays/production,
Kustomization $FLUX keeps namespace $STAGING at overlays/staging.

Three things to try, in that clone or by a key and Enter here:

 1. Push a change                                                       (key p)
      sed -i.bak 's/greeting: .*/greeting: Hello from me/' $GREETING
      git -c user.name=me -c user.email=me@example.com commit -am 'Say hello' && git push

 2. Delete an object                                                    (key d)
      kubectl delete deployment my-app -n $NS
    or edit one                                                         (key e)
      kubectl scale deployment my-app --replicas=0 -n $NS

 3. Push a bad manifest, and take it back                      (keys b, then r)
      echo '$LINE' >> $BROKEN
      git -c user.name=me -c user.email=me@example.com commit -am 'Break it' && git push
      git -c user.name=me -c user.email=me@example.com revert --no-edit HEAD && git push

What happens is shown below. Key s: how the apps are, h: this text, q or Ctrl-C: end.
`

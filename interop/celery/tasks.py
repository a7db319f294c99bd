"""The tasks of the worker, as an application of any age has them."""
import os
import time

from celery import Celery

broker = os.environ["BROKER"]
app = Celery("tasks", broker=broker, backend=os.environ.get("BACKEND", "rpc://"))
app.conf.update(task_acks_late=True, result_expires=600)


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=5)
def third_time(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.2)
    return self.request.retries


@app.task(bind=True, reject_on_worker_lost=True)
def slow(self, path):
    """The first run waits for its worker's end, the second one returns."""
    if not os.path.exists(path):
        with open(path, "w") as f:
            f.write("begun")
        time.sleep(600)
    return self.request.delivery_info["redelivered"]

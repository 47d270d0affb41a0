"""A program beyond the suite: declares the queue durable, and prints what comes as lines of JSON."""

import json
import sys

import pika


def show(channel, method, properties, body):
    print(json.dumps({"message_id": properties.message_id, "body": json.loads(body)}))
    channel.basic_ack(method.delivery_tag)


connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.queue_declare("tasks_completed", durable=True)
channel.basic_consume("tasks_completed", show)
channel.start_consuming()

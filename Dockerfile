# Training and the demo, as a user without rights.
#   docker build -t mnist_jax .
#   docker run --rm -p 127.0.0.1:8000:8000 mnist_jax
#   docker run --rm -v "$PWD/runs:/home/digits/runs" mnist_jax \
#     python -m mnist_jax.main --config=improved
FROM python:3.12-slim
RUN useradd --create-home digits
COPY . /opt/mnist_jax
RUN pip install --no-cache-dir '/opt/mnist_jax[demo]'
USER digits
WORKDIR /home/digits
EXPOSE 8000
# Its own address: the demo answers no other host, and nothing on 0.0.0.0.
CMD ["sh", "-c", "exec python -m mnist_jax.demo --host=$(hostname -i)"]

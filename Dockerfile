# Training and the demo, as a user without rights.
#   docker build -t mnist_jax .
#   docker run --rm -p 127.0.0.1:8000:8000 mnist_jax
#   mkdir -m 777 -p runs  # The container's user must be able to write there.
#   docker run --rm -v "$PWD/runs:/home/digits/runs" mnist_jax \
#     python -m mnist_jax.main --config=improved
FROM python:3.12-slim
RUN useradd --create-home digits
COPY . /opt/mnist_jax
RUN pip install --no-cache-dir '/opt/mnist_jax[demo]'
USER digits
WORKDIR /home/digits
EXPOSE 8000
# The demo refuses --host=0.0.0.0, so it gets the address of this container.
CMD ["sh", "-c", "exec python -m mnist_jax.demo --host=$(hostname -i)"]

"""LandmarkGRU's training on a CPU, with the gradient of a GRU layer written out.

On a CPU torch.nn.GRU records a dozen operations for each step, and gives each step a weight gradient of its own. Here what
every step needs is computed for all of them at once, before and after the loop over the steps.
"""

import torch

from sign2sound.model import LandmarkGRU


class _Layer(torch.autograd.Function):
    """(T, N, inputs) and the weights W, U, b, c of a layer of torch.nn.GRU -> its states h after each step, (T, N, H).

    r, z = sigmoid(Wx + b + Uh + c), n = tanh(Wx + b + r(Uh + c)), and the next h = n + z(h - n); the first h is 0.
    Under autocast the products over all steps are in its precision, those of single steps in that of the inputs.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")
    def forward(ctx, inputs, w, u, b, c):
        (steps, count, _), hidden = inputs.shape, u.shape[1]
        # In place r, z, n are made of it.
        gates = torch.addmm(b, inputs.flatten(0, 1), w.T).to(inputs.dtype).view(steps, count, 3 * hidden)
        recurrent = torch.empty_like(gates)  # Uh + c
        recurrent[0] = c
        states = inputs.new_zeros(steps + 1, count, hidden)
        r_z, n = (part.unbind() for part in gates.split([2 * hidden, hidden], -1))
        r, z, _ = (part.unbind() for part in gates.split(hidden, -1))
        to_r_z, to_n = (part.unbind() for part in recurrent.split([2 * hidden, hidden], -1))
        to_all, h = recurrent.unbind(), states.unbind()
        for t in range(steps):
            if t:
                torch.addmm(c, h[t], u.T, out=to_all[t])
            r_z[t].add_(to_r_z[t]).sigmoid_()
            n[t].addcmul_(r[t], to_n[t]).tanh_()
            torch.lerp(n[t], h[t], z[t], out=h[t + 1])
        ctx.save_for_backward(inputs, w, u, gates, recurrent, states)
        return states[1:]

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, gradient):
        inputs, w, u, gates, recurrent, states = ctx.saved_tensors
        count, hidden = inputs.shape[1], u.shape[1]
        r, z, n = gates.split(hidden, -1)
        # Each addcmul with -1 goes once over what a product and a difference would go over twice: r - r * r is r * (1 - r).
        by_tanh = torch.addcmul(n.new_ones(()), n, n, value=-1)
        by_tanh.addcmul_(z, by_tanh, value=-1)  # (1 - z)(1 - n * n): the next h by Wx + b of n
        slopes = torch.empty_like(gates)  # the next h by Uh + c of r, z and n
        by_r, by_z, by_n = slopes.split(hidden, -1)
        torch.addcmul(r, r, r, value=-1, out=by_r).mul_(by_tanh).mul_(recurrent[..., 2 * hidden :])
        torch.addcmul(z, z, z, value=-1, out=by_z).mul_(states[:-1] - n)
        torch.mul(by_tanh, r, out=by_n)

        of_states = gradient.clone(memory_format=torch.contiguous_format)
        of_h, of_gates, keep = of_states.unbind(), slopes.unbind(), z.unbind()
        three_slopes = slopes.unflatten(-1, (3, hidden)).unbind()
        for t in reversed(range(len(of_h))):
            three_slopes[t].mul_(of_h[t][:, None])  # from here on the gradient of Uh + c
            if t:
                of_h[t - 1].addcmul_(of_h[t], keep[t]).addmm_(of_gates[t], u)

        of_gates = slopes.flatten(0, 1)
        of_u, of_c = of_gates[count:].T @ states[1:-1].flatten(0, 1), of_gates.sum(0)
        torch.mul(of_states, by_tanh, out=by_n)  # and from here on that of Wx + b
        of_inputs, of_w = (of_gates @ w).view_as(inputs), of_gates.T @ inputs.flatten(0, 1)
        return *(part.to(inputs.dtype) for part in (of_inputs, of_w, of_u)), of_gates.sum(0), of_c


def dropout(steps: torch.Tensor, share: float) -> torch.Tensor:
    """As torch's, in half the time: its random choices are slower than random numbers."""
    return steps * (torch.rand_like(steps) >= share).to(steps.dtype).div_(1 - share)


def training_logits(model: LandmarkGRU, features: torch.Tensor) -> torch.Tensor:
    """`model(features)[0]`: (N, T, 63) features -> (N, T, 29) logits, whose gradient costs less."""
    steps = torch.relu(model.fc_input(features.transpose(0, 1))).to(features.dtype)
    gru = model.gru
    for layer in range(gru.num_layers):
        if layer:
            steps = dropout(steps, gru.dropout) if gru.training else steps
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        steps = _Layer.apply(steps, *(getattr(gru, f"{name}_l{layer}") for name in names))
    return model.fc_output(steps).transpose(0, 1)

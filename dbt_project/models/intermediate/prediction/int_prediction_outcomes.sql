{%- set list_lengths = var('list_lengths') -%}

with

horizon as (

    select * from {{ ref('int_horizon') }}

),

predictions as (

    select
        predictions.*,
        cast(predictions.score_month || '-01' as date) as scored_date
    from {{ ref('stg_ml__predictions') }} as predictions
    cross join horizon
    where predictions.score_month <= horizon.snapshot_month

),

users as (

    select
        company_number,
        first_charge_date
    from {{ ref('int_users_and_possible_users') }}
    where invoice_finance_status = 'user'

),

sizes as (

    select
        score_month,
        model_name,
        count(*) as companies
    from predictions
    group by score_month, model_name

),

with_outcome as (

    select
        predictions.score_month,
        predictions.scored_date,
        predictions.model_name,
        predictions.model_version,
        case
            {%- for length in list_lengths %}
                when predictions.prediction_rank <= {{ length }} then {{ loop.index }}
            {%- endfor %}
            else {{ list_lengths | length + 1 }}
        end as shortest_list,
        -- the length rounded up, so that the list is never empty
        100 * (predictions.prediction_rank - 1) < sizes.companies as is_top_percent,
        users.first_charge_date < predictions.scored_date as was_user_already,
        users.first_charge_date >= predictions.scored_date
        and users.first_charge_date < {{ add_months('predictions.scored_date', 12) }} as became_user,
        -- whole billionths, whose sum does not depend on the order of the rows
        cast(floor(predictions.probability * 1000000000) as bigint) as probability_billionths
    from predictions
    inner join sizes
        on
            predictions.score_month = sizes.score_month
            and predictions.model_name = sizes.model_name
    left join users
        on predictions.company_number = users.company_number

),

final as (

    select
        score_month,
        scored_date,
        model_name,
        model_version,
        shortest_list,
        is_top_percent,
        count(*) as companies,
        {{ count_where('was_user_already') }} as already_users,
        {{ count_where('became_user') }} as new_users,
        {{ sum_of_counts('probability_billionths') }} as expected_billionths
    from with_outcome
    group by score_month, scored_date, model_name, model_version, shortest_list, is_top_percent

)

select * from final
